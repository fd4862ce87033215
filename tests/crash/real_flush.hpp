#pragma once
// For libraries that are preloaded in the place of fsync and fdatasync: the real one of that name.
#include <cstring>
#include <dlfcn.h>

inline int real_flush(const char* name, int file) {
  using Flush = int (*)(int);
  static_assert(sizeof(Flush) == sizeof(void*));
  void* const found = ::dlsym(RTLD_NEXT, name);
  Flush real = nullptr;
  std::memcpy(&real, &found, sizeof real);
  return real(file);
}
