#include "common/core/hash.hpp"

#include <array>
#include <cassert>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace abide {
namespace {

void append_big_endian(std::string& bytes, std::uint64_t number) {
  for (unsigned shift = 64; shift > 0; shift -= 8) bytes += static_cast<char>(static_cast<unsigned char>(number >> (shift - 8)));
}

std::string_view view(const std::uint8_t* bytes, std::size_t count) {
  return {reinterpret_cast<const char*>(bytes), count};
}
const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// OpenSSL 3 fetches the algorithm on every EVP_sha256() use that is not pre-fetched; events are short, so that counts.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = [] {
    const EVP_MD* found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return found != nullptr ? found : EVP_sha256();
  }();
  return fetched;
}

}  // namespace

// A digest that cannot be computed (out of memory, a broken libcrypto) is no case to go on from.
struct Sha256::Context {
  std::unique_ptr<EVP_MD_CTX, FreeContext> evp{EVP_MD_CTX_new()};

  Context() {
    const bool ok = evp != nullptr && EVP_DigestInit_ex2(evp.get(), algorithm(), nullptr) == 1;
    assert(ok);
    static_cast<void>(ok);
  }
  void begin_again() {  // with the algorithm that it has
    const bool ok = EVP_DigestInit_ex2(evp.get(), nullptr, nullptr) == 1;
    assert(ok);
    static_cast<void>(ok);
  }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  const bool ok = EVP_DigestUpdate(context_->evp.get(), bytes.data(), bytes.size()) == 1;
  assert(ok);
  static_cast<void>(ok);
}

Digest Sha256::finish() {
  Digest digest;
  unsigned written = 0;
  const bool ok = EVP_DigestFinal_ex(context_->evp.get(), digest.bytes.data(), &written) == 1 && written == digest.bytes.size();
  assert(ok);
  static_cast<void>(ok);
  context_->begin_again();
  return digest;
}

Digest sha256(std::string_view bytes) {
  Digest digest;
  unsigned written = 0;
  const bool ok = EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), &written, algorithm(), nullptr) == 1;
  assert(ok && written == digest.bytes.size());
  static_cast<void>(ok);
  return digest;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  Digest digest;
  unsigned written = 0;
  // HMAC() takes a null key for "the one before": an empty key needs an address.
  const char* const address = key.empty() ? "" : key.data();
  const bool ok =
      HMAC(algorithm(), address, static_cast<int>(key.size()), octets(bytes), bytes.size(), digest.bytes.data(), &written) != nullptr;
  assert(ok && written == digest.bytes.size());
  static_cast<void>(ok);
  return digest;
}

Chain chain_after(Chain before, std::string_view event_bytes) {
  std::array<std::uint8_t, 16> head;
  for (std::size_t i = 0; i < 8; ++i) {
    const auto shift = 8 * (7 - i);
    head[i] = static_cast<std::uint8_t>(before.value >> shift);
    head[8 + i] = static_cast<std::uint8_t>(event_bytes.size() >> shift);
  }
  // One context a thread: making one costs as much as hashing an event.
  thread_local Sha256 hash;
  hash.update(std::as_bytes(std::span(head)));
  hash.update(std::as_bytes(std::span(event_bytes)));
  const Digest digest = hash.finish();
  Chain chain;
  for (std::size_t i = 0; i < 8; ++i) chain.value = chain.value << 8U | digest.bytes[i];
  return chain;
}

Digest document_tag(std::string_view key, const NodeId& node, Number number, const Digest& body) {
  std::string bytes(view(node.bytes.data(), node.bytes.size()));
  append_big_endian(bytes, number.epoch);
  append_big_endian(bytes, number.revision);
  bytes += view(body.bytes.data(), body.bytes.size());
  return hmac_sha256(key, bytes);
}

}  // namespace abide
