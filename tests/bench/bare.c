// Bare MQTT 3.1.1 clients, for baselines: what the same broker does when nobody thinks, journals or keeps anything.
//
//   bench-bare watch PORT FILTER COUNT FILE       subscribes with QoS 0, and writes the first COUNT live messages into FILE
//   bench-bare publish PORT IN_FLIGHT FILE        publishes them, retained, QoS 1, at most IN_FLIGHT without PUBACK
//   bench-bare reconnect PORT NODES BACKOFF_MS    so many clients, CONNECT and SUBSCRIBE; all of them again once the broker has left them
//
// Each prints a line when it is ready, and its result as the last one; times are seconds of CLOCK_MONOTONIC.
// Exit codes: 0 done; 2 wrong usage; 4 the broker does not do what it should, or is silent for too long.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  silence_ms = 60000,    // nothing has come: given up
  read_bytes = 1 << 18,  // at once
  out_bytes = 1 << 18,   // of packets that wait for the socket
  packet_bytes_max = 1 << 21,
  events_at_once = 512,
  keep_alive_s = 60,        // as nodes have it
  ramp_per_s = 1000,        // connections at the start
  backoff_first_ms = 1000,  // doubled with each attempt
  attempt_max = 20,
  descriptors_spare = 64,
  batch_bytes_max = 1 << 16  // written to the socket at once
};

static void broken(const char* format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void broken(const char* format, ...) {
  va_list words;
  va_start(words, format);
  fprintf(stderr, "bench-bare: ");
  vfprintf(stderr, format, words);
  fprintf(stderr, "\n");
  va_end(words);
  exit(4);
}

static double now_s(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void* room_for(size_t bytes) {
  void* room = malloc(bytes);
  if (room == NULL) broken("no memory");
  return room;
}

// ---- packets ----------------------------------------------------------------------------------------------------------------

static unsigned char* put_number(unsigned char* at, size_t number) {
  *at++ = (unsigned char)(number >> 8);
  *at++ = (unsigned char)number;
  return at;
}

static unsigned char* put_text(unsigned char* at, const void* text, size_t bytes) {
  at = put_number(at, bytes);
  memcpy(at, text, bytes);
  return at + bytes;
}

static unsigned char* put_words(unsigned char* at, const char* text) {
  return put_text(at, text, strlen(text));
}

static unsigned char* put_header(unsigned char* at, unsigned char first, size_t bytes) {
  *at++ = first;
  do {
    const unsigned char low = bytes & 127;
    bytes >>= 7;
    *at++ = (unsigned char)(low | (bytes > 0 ? 128 : 0));
  } while (bytes > 0);
  return at;
}

// Clean session. A user name, for the ACL; with `will_topic` a retained will, QoS 1.
static unsigned char* put_connect(unsigned char* at, const char* client, const char* user, const char* will_topic, const char* will) {
  const size_t will_bytes = will_topic == NULL ? 0 : 4 + strlen(will_topic) + strlen(will);
  at = put_header(at, 0x10, 10 + 2 + strlen(client) + will_bytes + 2 + strlen(user));
  at = put_words(at, "MQTT");
  *at++ = 4;
  *at++ = (unsigned char)(0x82 | (will_topic == NULL ? 0 : 0x2C));
  at = put_number(at, keep_alive_s);
  at = put_words(at, client);
  if (will_topic != NULL) {
    at = put_words(at, will_topic);
    at = put_words(at, will);
  }
  return put_words(at, user);
}

// One filter or two, of the same QoS.
static unsigned char* put_subscribe(unsigned char* at, const char* filter, const char* another, unsigned char qos) {
  at = put_header(at, 0x82, 2 + 3 + strlen(filter) + (another == NULL ? 0 : 3 + strlen(another)));
  at = put_number(at, 1);
  at = put_words(at, filter);
  *at++ = qos;
  if (another == NULL) return at;
  at = put_words(at, another);
  *at++ = qos;
  return at;
}

// Bytes of the whole packet that begins there, and where its body does; 0: it is not all there yet.
static size_t whole_packet(const unsigned char* from, size_t bytes, size_t* body) {
  size_t length = 0;
  for (size_t i = 1; i < bytes && i <= 4; ++i) {
    length |= (size_t)(from[i] & 127U) << (7 * (i - 1));
    if (length > packet_bytes_max) broken("the broker sends a packet of %zu bytes", length);
    if ((from[i] & 128U) != 0) continue;
    *body = i + 1;
    return bytes >= i + 1 + length ? i + 1 + length : 0;
  }
  return 0;
}

// ---- one connection at a time -------------------------------------------------------------------------------------------------

static int open_socket(int port, int flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0) broken("no socket: %s", strerror(errno));
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (const struct sockaddr*)&address, sizeof address) == 0 || errno == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

static void write_all(int fd, const unsigned char* from, size_t bytes) {
  while (bytes > 0) {
    const ssize_t put = write(fd, from, bytes);
    if (put <= 0) broken("write: %s", strerror(errno));
    from += put;
    bytes -= (size_t)put;
  }
}

static struct {
  unsigned char bytes[packet_bytes_max + read_bytes];
  size_t from, to;
} in;

// The next packet, and its bytes; waits for it.
static size_t next_packet(int fd, const unsigned char** packet, size_t* body) {
  for (;;) {
    const size_t bytes = whole_packet(in.bytes + in.from, in.to - in.from, body);
    if (bytes > 0) {
      *packet = in.bytes + in.from;
      in.from += bytes;
      return bytes;
    }
    memmove(in.bytes, in.bytes + in.from, in.to - in.from);
    in.to -= in.from;
    in.from = 0;
    struct pollfd ready = {fd, POLLIN, 0};
    if (poll(&ready, 1, silence_ms) <= 0) broken("the broker says nothing");
    const ssize_t got = read(fd, in.bytes + in.to, sizeof in.bytes - in.to);
    if (got <= 0) broken("the broker has closed the connection");
    in.to += (size_t)got;
  }
}

static void expect(int fd, unsigned char kind) {
  const unsigned char* packet = NULL;
  size_t body = 0;
  const size_t bytes = next_packet(fd, &packet, &body);
  if (packet[0] >> 4 != kind || bytes < body + 2) broken("packet of kind %d instead of %d", packet[0] >> 4, kind);
  if (packet[bytes - 1] >= (kind == 9 ? 128 : 1)) broken("the broker refuses: %d", packet[bytes - 1]);
}

static int connect_as(int port, const char* client, const char* user) {
  const int fd = open_socket(port, 0);
  if (fd < 0) broken("no connection to the broker: %s", strerror(errno));
  unsigned char out[256];
  write_all(fd, out, (size_t)(put_connect(out, client, user, NULL, NULL) - out));
  expect(fd, 2);
  return fd;
}

// ---- watch ----------------------------------------------------------------------------------------------------------------------

// FILE has two bytes of length, topic, four bytes of length, payload, for each message.
static int watch(int port, const char* filter, long count, const char* path) {
  const int fd = connect_as(port, "bench-watch", "observer");
  unsigned char out[512];
  if (strlen(filter) > 256) broken("the filter is too long");
  write_all(fd, out, (size_t)(put_subscribe(out, filter, NULL, 0) - out));
  expect(fd, 9);
  printf("ready\n");
  fflush(stdout);
  FILE* file = fopen(path, "wb");
  if (file == NULL) broken("%s: %s", path, strerror(errno));
  double first = 0;
  double last = 0;
  for (long seen = 0; seen < count;) {
    const unsigned char* packet = NULL;
    size_t body = 0;
    const size_t bytes = next_packet(fd, &packet, &body);
    if (packet[0] >> 4 != 3 || (packet[0] & 1) != 0) continue;  // what was retained before is not meant
    if (body + 2 > bytes) broken("a PUBLISH that is cut off");
    const size_t topic = (size_t)packet[body] << 8 | packet[body + 1];
    if (body + 2 + topic > bytes) broken("a PUBLISH that is cut off");
    const size_t payload = bytes - body - 2 - topic;
    last = now_s();
    if (seen == 0) first = last;
    ++seen;
    const unsigned char length[4] = {(unsigned char)(payload >> 24), (unsigned char)(payload >> 16), (unsigned char)(payload >> 8),
                                     (unsigned char)payload};
    fwrite(packet + body, 1, 2 + topic, file);
    fwrite(length, 1, sizeof length, file);
    fwrite(packet + body + 2 + topic, 1, payload, file);
  }
  if (fclose(file) != 0) broken("%s: cannot be written", path);
  printf("{\"messages\": %ld, \"first_s\": %.6f, \"last_s\": %.6f}\n", count, first, last);
  return 0;
}

// ---- publish --------------------------------------------------------------------------------------------------------------------

static unsigned char* read_file(const char* path, size_t* bytes) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) broken("%s: %s", path, strerror(errno));
  fseek(file, 0, SEEK_END);
  const long size = ftell(file);
  rewind(file);
  if (size <= 0) broken("%s: there is nothing in it", path);
  *bytes = (size_t)size;
  unsigned char* all = room_for(*bytes);
  if (fread(all, 1, *bytes, file) != *bytes) broken("%s: cannot be read", path);
  fclose(file);
  return all;
}

// One message of the file as a PUBLISH; where the next one begins.
static const unsigned char* put_publish(unsigned char** at, const unsigned char* from, const unsigned char* end, unsigned id) {
  if (end - from < 2) broken("the file is cut off");
  const size_t topic = (size_t)from[0] << 8 | from[1];
  const unsigned char* after = from + 2 + topic;
  if (end - from < (ptrdiff_t)(6 + topic)) broken("the file is cut off");
  const size_t payload = (size_t)after[0] << 24 | (size_t)after[1] << 16 | (size_t)after[2] << 8 | after[3];
  if ((size_t)(end - after) < 4 + payload || payload > packet_bytes_max) broken("the file is cut off");
  *at = put_header(*at, 0x33, 2 + topic + 2 + payload);
  *at = put_text(*at, from + 2, topic);
  *at = put_number(*at, id);
  memcpy(*at, after + 4, payload);
  *at += payload;
  return after + 4 + payload;
}

static int publish(int port, long in_flight_max, const char* path) {
  size_t size = 0;
  const unsigned char* next = read_file(path, &size);
  const unsigned char* end = next + size;
  const int fd = connect_as(port, "bench-bare", "orchestrator");
  fcntl(fd, F_SETFL, O_NONBLOCK);
  unsigned char* out = room_for(batch_bytes_max + packet_bytes_max + 512);
  size_t out_from = 0;
  size_t out_to = 0;
  long sent = 0;
  long acknowledged = 0;
  printf("ready\n");
  fflush(stdout);
  const double began = now_s();
  while (next < end || acknowledged < sent) {
    if (out_from == out_to) out_from = out_to = 0;
    while (next < end && sent - acknowledged < in_flight_max && out_to < batch_bytes_max) {
      unsigned char* at = out + out_to;
      next = put_publish(&at, next, end, (unsigned)(sent % 65535) + 1);
      out_to = (size_t)(at - out);
      ++sent;
    }
    struct pollfd ready = {fd, (short)(POLLIN | (out_from < out_to ? POLLOUT : 0)), 0};
    if (poll(&ready, 1, silence_ms) <= 0) broken("the broker says nothing");
    if ((ready.revents & POLLOUT) != 0) {
      const ssize_t put = write(fd, out + out_from, out_to - out_from);
      if (put < 0 && errno != EAGAIN) broken("write: %s", strerror(errno));
      if (put > 0) out_from += (size_t)put;
    }
    if ((ready.revents & (POLLIN | POLLHUP)) == 0) continue;
    const ssize_t got = read(fd, in.bytes + in.to, read_bytes - in.to);
    if (got <= 0) broken("the broker has closed the connection");
    in.to += (size_t)got;
    size_t body = 0;
    size_t bytes = 0;
    while ((bytes = whole_packet(in.bytes + in.from, in.to - in.from, &body)) > 0) {
      if (in.bytes[in.from] >> 4 == 4) ++acknowledged;
      in.from += bytes;
    }
    memmove(in.bytes, in.bytes + in.from, in.to - in.from);
    in.to -= in.from;
    in.from = 0;
  }
  printf("{\"messages\": %ld, \"began_s\": %.6f, \"acknowledged_s\": %.6f}\n", acknowledged, began, now_s());
  return 0;
}

// ---- reconnect ------------------------------------------------------------------------------------------------------------------

enum phase { waiting, connecting, connack, suback, up };

struct client {
  int fd;
  enum phase phase;
  unsigned attempt;
  double due_s;   // waiting: the next attempt
  char user[40];  // as a UUID
};

struct crew {
  int port, epoll;
  long count, up;
  double backoff_max_s;
  struct client* clients;
  uint64_t random;
  double lost_at, first_at, last_at;  // the first that is left; the first and the last that is there again
};

static double draw(struct crew* crew) {
  crew->random ^= crew->random << 13;
  crew->random ^= crew->random >> 7;
  crew->random ^= crew->random << 17;
  return (double)(crew->random >> 11) / (double)(1ULL << 53);
}

static void attempt(struct crew* crew, long i) {
  struct client* client = &crew->clients[i];
  client->fd = open_socket(crew->port, SOCK_NONBLOCK);
  client->phase = connecting;
  if (client->fd < 0) return;
  struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT, .data.u64 = (uint64_t)i};
  if (epoll_ctl(crew->epoll, EPOLL_CTL_ADD, client->fd, &wanted) != 0) broken("epoll: %s", strerror(errno));
}

// As nodes wait: full jitter below a limit that doubles with each attempt that came to nothing.
static void lose(struct crew* crew, struct client* client, double at) {
  if (client->fd >= 0) close(client->fd);
  client->fd = -1;
  if (client->phase == up) {
    if (crew->up-- == crew->count) crew->lost_at = at;
    crew->first_at = 0;
    client->attempt = 0;
  } else if (client->attempt < attempt_max) {
    ++client->attempt;
  }
  double limit = backoff_first_ms / 1e3 * (double)(1U << client->attempt);
  if (limit > crew->backoff_max_s) limit = crew->backoff_max_s;
  client->phase = waiting;
  client->due_s = at + draw(crew) * limit;
}

static void say(struct crew* crew, struct client* client, long i, bool subscribe) {
  unsigned char out[1024];
  char first[128];
  unsigned char* end = out;
  if (subscribe) {
    snprintf(first, sizeof first, "abide/v1/bare/to/%s/+", client->user);
    end = put_subscribe(out, first, "abide/v1/bare/orchestrator", 1);
    client->phase = suback;
  } else {
    char id[32];
    snprintf(id, sizeof id, "bench-bare-%ld", i);
    snprintf(first, sizeof first, "abide/v1/bare/from/%s/presence", client->user);
    end = put_connect(out, id, client->user, first, "a will of about the size that an agent's has: it says who is offline, and since when");
    struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = (uint64_t)i};
    epoll_ctl(crew->epoll, EPOLL_CTL_MOD, client->fd, &wanted);
    client->phase = connack;
  }
  if (write(client->fd, out, (size_t)(end - out)) != end - out) lose(crew, client, now_s());
}

static void take(struct crew* crew, long i, uint32_t events, double at) {
  struct client* client = &crew->clients[i];
  if (client->fd < 0) return;
  if (client->phase == connecting) {
    int code = 0;
    socklen_t bytes = sizeof code;
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &code, &bytes) != 0 || code != 0)
      lose(crew, client, at);
    else if ((events & EPOLLOUT) != 0)
      say(crew, client, i, false);
    return;
  }
  unsigned char some[512];  // a CONNACK or a SUBACK, which come one by one
  const ssize_t got = read(client->fd, some, sizeof some);
  if (got <= 0) {
    lose(crew, client, at);
  } else if (client->phase == connack) {
    if (some[0] >> 4 != 2 || got < 4 || some[3] != 0) broken("the broker refuses a client");
    say(crew, client, i, true);
  } else if (client->phase == suback) {
    if (some[0] >> 4 != 9 || some[got - 1] >= 128) broken("the broker refuses a subscription");
    client->phase = up;
    client->attempt = 0;
    ++crew->up;
    if (crew->first_at == 0) crew->first_at = at;
    crew->last_at = at;
  }
}

static void until_all_are_up(struct crew* crew) {
  struct epoll_event ready[events_at_once];
  double heard = now_s();
  do {
    double now = now_s();
    double next = now + silence_ms / 1e3;
    for (long i = 0; i < crew->count; ++i) {
      if (crew->clients[i].phase != waiting) continue;
      if (crew->clients[i].due_s <= now) attempt(crew, i);
      if (crew->clients[i].phase == connecting && crew->clients[i].fd < 0) lose(crew, &crew->clients[i], now);
      if (crew->clients[i].phase == waiting && crew->clients[i].due_s < next) next = crew->clients[i].due_s;
    }
    const int wait_ms = next <= now ? 1 : (int)((next - now) * 1e3) + 1;
    const int count = epoll_wait(crew->epoll, ready, events_at_once, wait_ms);
    now = now_s();
    for (int n = 0; n < count; ++n) take(crew, (long)ready[n].data.u64, ready[n].events, now);
    if (count > 0) heard = now;
    if (now - heard > silence_ms / 1e3) broken("%ld of %ld clients are up, and nothing happens", crew->up, crew->count);
  } while (crew->up < crew->count);
}

static int reconnect(int port, long count, long backoff_ms) {
  struct rlimit files = {0, 0};
  getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < (rlim_t)(count + descriptors_spare))
    broken("%ld clients need more open files than %lu", count, (unsigned long)files.rlim_max);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  struct crew crew = {.port = port, .epoll = epoll_create1(EPOLL_CLOEXEC), .count = count, .random = 88172645463325252ULL};
  crew.backoff_max_s = (double)backoff_ms / 1e3;
  crew.clients = room_for((size_t)count * sizeof *crew.clients);
  for (long i = 0; i < count; ++i) {
    crew.clients[i] = (struct client){.fd = -1, .phase = waiting, .due_s = now_s() + (double)i / ramp_per_s};
    snprintf(crew.clients[i].user, sizeof crew.clients[i].user, "%08x-0000-4000-8000-000000000000", (unsigned)i);
  }
  until_all_are_up(&crew);
  printf("ready\n");
  fflush(stdout);
  struct epoll_event ready[events_at_once];
  while (crew.up == crew.count) {
    const int some = epoll_wait(crew.epoll, ready, events_at_once, silence_ms);
    if (some <= 0) broken("the broker was to be restarted, and is not");
    for (int n = 0; n < some; ++n) take(&crew, (long)ready[n].data.u64, ready[n].events, now_s());
  }
  until_all_are_up(&crew);
  printf("{\"clients\": %ld, \"lost_s\": %.6f, \"first_s\": %.6f, \"last_s\": %.6f}\n", count, crew.lost_at, crew.first_at, crew.last_at);
  return 0;
}

// ---- words --------------------------------------------------------------------------------------------------------------------------

static long number_of(const char* word, long most) {
  char* end = NULL;
  const long number = strtol(word, &end, 10);
  if (*word == '\0' || *end != '\0' || number < 1 || number > most) {
    fprintf(stderr, "bench-bare: %s is not within 1 and %ld\n", word, most);
    exit(2);
  }
  return number;
}

int main(int count, char** words) {
  const char* what = count > 1 ? words[1] : "";
  if (strcmp(what, "watch") == 0 && count == 6)
    return watch((int)number_of(words[2], 65535), words[3], number_of(words[4], 10000000), words[5]);
  if (strcmp(what, "publish") == 0 && count == 5) return publish((int)number_of(words[2], 65535), number_of(words[3], 65535), words[4]);
  if (strcmp(what, "reconnect") == 0 && count == 5)
    return reconnect((int)number_of(words[2], 65535), number_of(words[3], 1000000), number_of(words[4], 3600000));
  fprintf(stderr, "bench-bare watch PORT FILTER COUNT FILE | publish PORT IN_FLIGHT FILE | reconnect PORT NODES BACKOFF_MS\n");
  return 2;
}
