#include "orchestrator/control.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "common/service/clock.hpp"
#include "common/service/logging.hpp"

namespace abide::orchestrator {

namespace {

constexpr std::string_view ask_line = "checkpoint\n";

Error from_errno(const std::string& doing) {
  const int number = errno;
  return Error{number == EACCES || number == EPERM ? Code::denied : Code::unavailable, doing + ": " + std::strerror(number)};
}

// A socket's path has 108 bytes at most, a state directory's may have more: so by a descriptor of the directory.
class SocketPath {
 public:
  explicit SocketPath(const std::string& dir) : folder_(::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    address_.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(folder_) + "/" + control_socket;
    std::memcpy(address_.sun_path, path.c_str(), path.size() + 1);
  }
  ~SocketPath() {
    if (folder_ >= 0) ::close(folder_);
  }
  SocketPath(const SocketPath&) = delete;
  SocketPath& operator=(const SocketPath&) = delete;
  [[nodiscard]] const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
  static constexpr socklen_t size = sizeof(sockaddr_un);

 private:
  int folder_;
  sockaddr_un address_{};
};

void close_it(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

// Up to a line end; empty: it did not come in time, or is too long.
std::string read_line(int socket, int ms_max) {
  const std::int64_t until = boottime_ms() + ms_max;
  std::string line;
  while (line.size() < control_line_max) {
    const auto left = until - boottime_ms();
    if (left <= 0) return {};
    pollfd one{socket, POLLIN, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return {};
    char byte = 0;
    const auto got = ::recv(socket, &byte, 1, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return {};
    line += byte;
    if (byte == '\n') return line;
  }
  return {};
}

bool send_line(int socket, std::string line) {
  if (line.size() > control_line_max) line = line.substr(0, control_line_max - 1) + "\n";
  return ::send(socket, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
}

void remove_checkpoint(const std::string& dir) {
  std::error_code failure;
  for (const char* folder : {"checkpoint", "checkpoint.tmp"}) {  // RocksDB makes it under the second name
    std::filesystem::remove_all(dir + "/" + folder, failure);
    if (failure) log_warn("a checkpoint cannot be removed path=" + one_line(dir + "/" + folder) + " error=\"" + failure.message() + "\"");
  }
}

}  // namespace

Control::Control(std::string dir, Work work) : dir_(std::move(dir)), work_(std::move(work)) {}

std::unique_ptr<Control> Control::start(const std::string& dir, Work work) {
  auto control = std::unique_ptr<Control>(new Control(dir, std::move(work)));
  remove_checkpoint(dir);  // of a process that was killed
  control->stopping_ = ::eventfd(0, EFD_CLOEXEC);
  if (auto listens = control->listen(); !listens) log_warn("a backup is not possible while this runs: " + listens.error().message);
  control->thread_ = std::thread([one = control.get()] { one->run(); });
  return control;
}

Control::~Control() {
  const std::uint64_t one = 1;
  if (stopping_ >= 0 && ::write(stopping_, &one, sizeof one) < 0) errno = 0;
  if (thread_.joinable()) thread_.join();
  if (listening_ >= 0) ::unlink((dir_ + "/" + control_socket).c_str());
  close_it(listening_);
  close_it(stopping_);
}

Result<void> Control::listen() {
  const std::string path = dir_ + "/" + control_socket;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail(from_errno("remove " + path));
  listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listening_ < 0) return fail(from_errno("make a socket"));
  const SocketPath where(dir_);
  if (::bind(listening_, where.address(), SocketPath::size) != 0 || ::chmod(path.c_str(), 0600) != 0 || ::listen(listening_, 4) != 0) {
    const Error error = from_errno("listen on " + path);
    close_it(listening_);
    return fail(error);
  }
  return {};
}

void Control::run() {
  std::int64_t stamp_at_ms = boottime_ms() + between_stamps_ms;
  for (;;) {
    const auto now_ms = boottime_ms();
    if (now_ms >= stamp_at_ms) {
      work_.stamp();
      stamp_at_ms = boottime_ms() + between_stamps_ms;
    }
    if (lease_ >= 0 && now_ms >= lease_until_ms_) {
      log_warn("a checkpoint was held for a day; it is removed");
      end_lease();
    }
    pollfd all[] = {{stopping_, POLLIN, 0}, {listening_, POLLIN, 0}, {lease_, POLLIN, 0}};  // negative ones are left out
    const int ready = ::poll(all, 3, static_cast<int>(std::max<std::int64_t>(stamp_at_ms - boottime_ms(), 0)));
    if (ready < 0 && errno != EINTR) break;
    if (ready <= 0) continue;
    if (all[0].revents != 0) break;
    // It has nothing more to say: whatever comes is its end.
    if (all[2].revents != 0) end_lease();
    if (all[1].revents == 0) continue;
    const int asker = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (asker >= 0) take(asker);
  }
  end_lease();
}

void Control::take(int asker) {
  std::string answer;
  if (read_line(asker, ask_ms_max) != ask_line) {
    answer = "error this is not a question that is known here";
  } else if (lease_ >= 0) {
    answer = "error another backup of this state directory is being made";
  } else if (auto made = work_.checkpoint(dir_ + "/" + checkpoint_folder); !made) {
    answer = "error " + one_line(made.error().message);
    remove_checkpoint(dir_);
  } else {
    answer = "ok";
    lease_ = asker;
    lease_until_ms_ = boottime_ms() + lease_ms_max;
  }
  const bool told = send_line(asker, answer + "\n");
  if (lease_ != asker) {
    ::close(asker);
  } else if (!told) {
    end_lease();
  }
}

void Control::end_lease() {
  if (lease_ < 0) return;
  close_it(lease_);
  remove_checkpoint(dir_);
}

Result<Lease> Lease::ask(const std::string& dir) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return fail(from_errno("make a socket"));
  Lease lease(socket);
  const SocketPath where(dir);
  if (::connect(socket, where.address(), SocketPath::size) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return fail(Code::not_found, "no orchestrator listens in " + dir);
    return fail(from_errno("ask the orchestrator in " + dir));
  }
  if (!send_line(socket, std::string(ask_line))) return fail(from_errno("ask the orchestrator in " + dir));
  const std::string answer = read_line(socket, checkpoint_ms_max);
  if (answer == "ok\n") return lease;
  if (!answer.starts_with("error ")) return fail(Code::unavailable, "the orchestrator in " + dir + " does not answer");
  return fail(Code::denied, "the orchestrator says: " + answer.substr(6, answer.size() - 7));
}

Lease::Lease(Lease&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

Lease::~Lease() {
  if (socket_ >= 0) ::close(socket_);
}

}  // namespace abide::orchestrator
