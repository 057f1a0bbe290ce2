// Certificates and their keys in PEM, as an authority makes them with OpenSSL.
//
// Shape:   Authority authority("Town"); authority.write(folder, "node", {.host = "127.0.0.1"})
//          writes node.crt and node.key; authority.write_own(file) its own certificate.
// Threads: one at a time.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "core/base/assert.h"
#include "ops/files.h"

namespace hansa::ops::testing {

struct CertificateWish {
  std::string host = "127.0.0.1";
  long begins_s = -3'600;  // from now
  long ends_s = 86'400;
};

class Authority {
 public:
  explicit Authority(std::string name) : name_(std::move(name)), key_(make_key()) {
    certificate_ = make(name_, key_.get(), name_, key_.get(), {}, true);
  }

  void write_own(const std::string& file) const {
    HANSA_ASSERT(write_file(file, pem_of(certificate_.get())), "a certificate can be written");
  }
  void write(const std::string& folder, const std::string& name, const CertificateWish& wish) {
    const auto key = make_key();
    const auto certificate = make(name, key.get(), name_, key_.get(), wish, false);
    HANSA_ASSERT(write_file(folder + "/" + name + ".key", pem_of(key.get()), 0600) &&
                     write_file(folder + "/" + name + ".crt", pem_of(certificate.get())),
                 "a certificate and its key can be written");
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(BIO* bytes) const { BIO_free(bytes); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;

  static Key make_key() { return Key(EVP_EC_gen("P-256")); }

  static void add_extension(X509* certificate, int kind, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    HANSA_ASSERT(extension != nullptr, "an extension can be made");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  Certificate make(const std::string& subject, EVP_PKEY* key, const std::string& issuer,
                   EVP_PKEY* issuer_key, const CertificateWish& wish, bool is_authority) {
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), wish.begins_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), wish.ends_s);
    X509_set_pubkey(certificate.get(), key);
    set_name(X509_get_subject_name(certificate.get()), subject);
    set_name(X509_get_issuer_name(certificate.get()), issuer);
    if (is_authority) {
      add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    } else {
      const bool is_address = wish.host.find_first_not_of("0123456789.") == std::string::npos;
      add_extension(certificate.get(), NID_subject_alt_name,
                    (is_address ? "IP:" : "DNS:") + wish.host);
    }
    HANSA_ASSERT(X509_sign(certificate.get(), issuer_key, EVP_sha256()) > 0, "it can be signed");
    return certificate;
  }

  static void set_name(X509_NAME* name, const std::string& text) {
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const uint8_t*>(text.data()),
                               static_cast<int>(text.size()), -1, 0);
  }

  template <typename Write>
  static std::string bytes_of(const Write& write) {
    const std::unique_ptr<BIO, Free> memory(BIO_new(BIO_s_mem()));
    HANSA_ASSERT(write(memory.get()) == 1, "PEM can be made");
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(memory.get(), &bytes);
    return {bytes, static_cast<size_t>(length)};
  }
  static std::string pem_of(X509* certificate) {
    return bytes_of([&](BIO* memory) { return PEM_write_bio_X509(memory, certificate); });
  }
  static std::string pem_of(EVP_PKEY* key) {
    return bytes_of([&](BIO* memory) {
      return PEM_write_bio_PrivateKey(memory, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

  std::string name_;
  Key key_;
  Certificate certificate_;
  long serial_ = 0;
};

}  // namespace hansa::ops::testing
