#pragma once
// What programs with commands say of a command line that they cannot take, in place of CLI11's "A subcommand is required":
// which word is unknown, and which ones would be known there.
#include <string>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace abide {

// For CLI::App::failure_message of the program's own App.
std::string wrong_usage(const CLI::App* app, const CLI::Error& error);

}  // namespace abide
