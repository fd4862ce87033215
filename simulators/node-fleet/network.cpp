#include "simulators/node-fleet/network.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace abide::node_fleet {
namespace {

constexpr std::size_t ready_max = 512;
constexpr std::size_t scratch_bytes = 256U << 10U;
constexpr std::uint64_t wake_tag = ~std::uint64_t{0};
constexpr std::uint32_t first_source = 0x7F000002;  // 127.0.0.2
constexpr std::uint64_t other_descriptors = 600;    // RocksDB's files, REST, epoll, what a library opens

std::string errno_text(int code) {
  return std::generic_category().message(code);
}

std::string tls_text() {
  std::array<char, 256> text{};
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

Result<Context> tls_context(const NetworkSettings& settings) {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fail(Code::unavailable, "TLS: " + tls_text());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Buffers are given back while a connection is idle: with thousands of them that is most of their memory.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const int loaded = settings.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                              : SSL_CTX_load_verify_locations(context.get(), settings.ca_file.c_str(), nullptr);
  if (loaded != 1) return fail(Code::not_found, "--ca-file " + settings.ca_file + ": " + tls_text());
  return context;
}

}  // namespace

struct Network::Inside {
  NetworkSettings settings;
  BrokerAddress address;
  sockaddr_storage broker{};
  socklen_t broker_bytes = 0;
  Context tls;
  int epoll = -1;
  int wake = -1;
  std::size_t next_source = 0;
  std::array<epoll_event, ready_max> events{};
  std::vector<Ready> ready;

  ~Inside() {
    if (epoll >= 0) ::close(epoll);
    if (wake >= 0) ::close(wake);
  }

  Result<void> resolve() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (code != 0 || found == nullptr) return fail(Code::not_found, "--broker " + settings.broker_url + ": " + ::gai_strerror(code));
    // The addresses that nodes come from are those of IPv4's loopback.
    const addrinfo* best = found;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next)
      if (one->ai_family == AF_INET && best->ai_family != AF_INET) best = one;
    std::memcpy(&broker, best->ai_addr, best->ai_addrlen);
    broker_bytes = best->ai_addrlen;
    ::freeaddrinfo(found);
    if (settings.source_addresses > 1 && (broker.ss_family != AF_INET || !is_loopback(address.host)))
      return fail(Code::invalid_input, "--source-addresses: only for a broker on 127.0.0.0/8; elsewhere the kernel chooses");
    return {};
  }

  // The port is chosen when the other end is known, so that each source address has all ports for each broker.
  Result<void> bind_source(int fd) {
    if (settings.source_addresses <= 1) return {};
    const int later = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof later);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(first_source + static_cast<std::uint32_t>(next_source));
    next_source = (next_source + 1) % settings.source_addresses;
    sockaddr_storage any{};
    std::memcpy(&any, &source, sizeof source);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof source) != 0)
      return fail(Code::unavailable, "bind to a source address: " + errno_text(errno));
    return {};
  }
};

Network::Network(std::unique_ptr<Inside> inside) : scratch(scratch_bytes), inside_(std::move(inside)) {}
Network::~Network() = default;

Result<std::unique_ptr<Network>> Network::open(const NetworkSettings& settings) {
  auto inside = std::make_unique<Inside>();
  inside->settings = settings;
  auto address = parse_broker_url(settings.broker_url);
  if (!address) return fail(address.error().in("--broker"));
  if (auto allowed = check_plain_text(*address); !allowed) return fail(allowed.error().in("--broker"));
  inside->address = *address;
  if (auto resolved = inside->resolve(); !resolved) return fail(resolved.error());
  if (address->tls) {
    auto context = tls_context(settings);
    if (!context) return fail(context.error());
    inside->tls = *std::move(context);
  }
  inside->epoll = ::epoll_create1(EPOLL_CLOEXEC);
  inside->wake = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = wake_tag;
  if (inside->epoll < 0 || inside->wake < 0 || ::epoll_ctl(inside->epoll, EPOLL_CTL_ADD, inside->wake, &event) != 0)
    return fail(Code::unavailable, "epoll: " + errno_text(errno));
  return std::unique_ptr<Network>(new Network(std::move(inside)));
}

Result<int> Network::connect(std::size_t tag) {
  const int fd = ::socket(inside_->broker.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(Code::unavailable, "no socket: " + errno_text(errno));
  const auto give_up = [&](const std::string& what) {
    ::close(fd);
    return fail(Code::unavailable, what);
  };
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (auto bound = inside_->bind_source(fd); !bound) return give_up(bound.error().message);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&inside_->broker), inside_->broker_bytes) != 0 && errno != EINPROGRESS)
    return give_up("connect: " + errno_text(errno));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.u64 = tag;
  if (::epoll_ctl(inside_->epoll, EPOLL_CTL_ADD, fd, &event) != 0) return give_up("epoll: " + errno_text(errno));
  return fd;
}

void Network::want_write(int fd, std::size_t tag, bool wanted) {
  epoll_event event{};
  event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = tag;
  (void)::epoll_ctl(inside_->epoll, EPOLL_CTL_MOD, fd, &event);
}

void Network::close(int fd) {
  ::close(fd);  // which takes it out of the epoll
}

Result<ssl_st*> Network::new_tls(int fd, const std::string& uuid) {
  if (!inside_->tls) return static_cast<ssl_st*>(nullptr);
  SSL* tls = SSL_new(inside_->tls.get());
  const auto refuse = [&](const std::string& what) {
    const auto why = tls_text();
    SSL_free(tls);
    return fail(Code::unavailable, "TLS: " + what + ": " + why);
  };
  if (tls == nullptr || SSL_set_fd(tls, fd) != 1) return refuse("no session");
  // As SSL_set_tlsext_host_name, which is a macro with a cast of C.
  SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(inside_->address.host.c_str()));
  // A host that is an address is compared with the certificate's addresses.
  auto* const names = SSL_get0_param(tls);
  if (X509_VERIFY_PARAM_set1_ip_asc(names, inside_->address.host.c_str()) != 1) {
    ERR_clear_error();
    SSL_set1_host(tls, inside_->address.host.c_str());
  }
  if (!inside_->settings.certificates.empty()) {
    const auto path = inside_->settings.certificates + "/" + uuid;
    if (SSL_use_certificate_file(tls, (path + ".crt").c_str(), SSL_FILETYPE_PEM) != 1) return refuse(path + ".crt");
    if (SSL_use_PrivateKey_file(tls, (path + ".key").c_str(), SSL_FILETYPE_PEM) != 1) return refuse(path + ".key");
  }
  SSL_set_connect_state(tls);
  return tls;
}

const std::vector<Network::Ready>& Network::wait(SteadyTime until) {
  auto& ready = inside_->ready;
  ready.clear();
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
  const int count = ::epoll_wait(inside_->epoll, inside_->events.data(), static_cast<int>(ready_max),
                                 static_cast<int>(std::max<std::int64_t>(0, std::min<std::int64_t>(left, 1'000))));
  for (int i = 0; i < count; ++i) {
    const auto& event = inside_->events[static_cast<std::size_t>(i)];
    if (event.data.u64 == wake_tag) {
      std::uint64_t ignored = 0;
      (void)!::read(inside_->wake, &ignored, sizeof ignored);
      continue;
    }
    const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    ready.push_back({event.data.u64, broken || (event.events & EPOLLIN) != 0, broken || (event.events & EPOLLOUT) != 0});
  }
  return ready;
}

void Network::wake() {
  const std::uint64_t one = 1;
  (void)!::write(inside_->wake, &one, sizeof one);
}

std::uint64_t descriptors_for(std::size_t nodes) {
  return nodes + other_descriptors;
}

Result<void> raise_descriptor_limit(std::uint64_t needed) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return fail(Code::unavailable, "RLIMIT_NOFILE: " + errno_text(errno));
  if (limit.rlim_cur >= needed) return {};
  const auto hard = limit.rlim_max;
  limit.rlim_cur = needed;
  limit.rlim_max = std::max<rlim_t>(hard, needed);  // root may go beyond the hard limit
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  limit.rlim_cur = limit.rlim_max = hard;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  if (hard >= needed) return {};
  return fail(Code::denied, "this process may have " + std::to_string(hard) + " open files, and this run needs " + std::to_string(needed) +
                                ": take fewer --nodes, or raise the limit first (ulimit -Hn " + std::to_string(needed) +
                                " as root, or LimitNOFILE= of a systemd unit)");
}

}  // namespace abide::node_fleet
