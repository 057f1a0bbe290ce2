// A disk that fails at one chosen call, or a process that dies there: preloaded into any program
// (LD_PRELOAD) it counts the calls that reach files of one folder and strikes at the chosen one.
//
// Shape:   FAULT_FOLDER  only what lies in this folder counts, by absolute path;
//          FAULT_FILES   and of that only what matches, like `log/*.log` (fnmatch, relative to the
//                        folder, `*` spans slashes; all by default);
//          FAULT_CALLS   kinds by comma: read, write, sync, open, rename, link, unlink, mkdir, size
//                        (all by default);
//          FAULT_HOW     before: SIGKILL instead of the call; after: SIGKILL once it is done; half:
//                        SIGKILL once half of the sectors are written; once: that call fails;
//                        always: it and all later ones fail; short: half of the sectors are
//                        written, and the calls after it fail as with always;
//          FAULT_ERROR   the errno of a call that fails;
//          FAULT_SHADOW  a folder to which every file that is synced is copied, by inode number:
//                        what a power loss would leave of it (faults.py puts it back);
//          FAULT_PAGE    a file of at least 4096 bytes, shared with whoever watches (struct Page):
//                        the chosen call, 0 for none, may be set at any time; the rest tells.
//          What the call would have done is done by the kernel; nothing is changed in between.
// Errors:  a missing or wrong variable switches it off, and then nothing is ever struck.
// Threads: any. Which of two calls made at once is the Nth is as the machine has it.
// Limits:  streams (fopen) are seen where they are opened and where RocksDB reads them
//          (fread_unlocked); files mapped into memory are not seen.
#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr size_t kSectorBytes = 512;

struct Page {
  std::atomic<uint64_t> chosen;   // the call that is struck, from 1
  std::atomic<uint64_t> counted;  // calls so far
  std::atomic<uint64_t> struck;   // calls that failed
  char what[1024];                // kind and path of the first one
};

enum class How { kNone, kBefore, kAfter, kHalf, kOnce, kAlways, kShort };

struct Plan {
  const char* folder = nullptr;
  const char* files = nullptr;
  const char* calls = nullptr;
  How how = How::kNone;
  const char* shadow = nullptr;
  int error = EIO;
  Page* page = nullptr;
};

How how_from(const char* word) {
  constexpr const char* kWords[] = {"before", "after", "half", "once", "always", "short"};
  int number = 1;
  for (const char* known : kWords) {
    if (word != nullptr && std::strcmp(word, known) == 0) return static_cast<How>(number);
    ++number;
  }
  return How::kNone;
}

Plan read_plan() {
  Plan plan;
  plan.folder = std::getenv("FAULT_FOLDER");
  plan.files = std::getenv("FAULT_FILES");
  plan.calls = std::getenv("FAULT_CALLS");
  plan.shadow = std::getenv("FAULT_SHADOW");
  if (const char* error = std::getenv("FAULT_ERROR")) plan.error = std::atoi(error);
  const char* page = std::getenv("FAULT_PAGE");
  if (plan.folder == nullptr || page == nullptr) return plan;
  const long file = ::syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC, 0);
  if (file < 0) return plan;
  void* mapped = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED,
                        static_cast<int>(file), 0);
  ::syscall(SYS_close, file);
  if (mapped == MAP_FAILED) return plan;
  plan.page = static_cast<Page*>(mapped);
  plan.how = how_from(std::getenv("FAULT_HOW"));
  return plan;
}

const Plan& plan() {
  static const Plan made = read_plan();
  return made;
}

bool has_kind(const char* kind) {
  if (plan().calls == nullptr) return true;
  const size_t length = std::strlen(kind);
  const char* at = plan().calls;
  while ((at = std::strstr(at, kind)) != nullptr) {
    const bool begins = at == plan().calls || at[-1] == ',';
    if (begins && (at[length] == ',' || at[length] == '\0')) return true;
    at += length;
  }
  return false;
}

bool is_inside(const char* path) {
  const size_t length = std::strlen(plan().folder);
  return std::strncmp(path, plan().folder, length) == 0 && path[length] == '/';
}

bool is_meant(const char* kind, const char* path) {
  if (plan().how == How::kNone || !has_kind(kind) || !is_inside(path)) return false;
  return plan().files == nullptr ||
         ::fnmatch(plan().files, path + std::strlen(plan().folder) + 1, 0) == 0;
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();
}

void tell(const char* kind, const char* path) {
  std::snprintf(plan().page->what, sizeof plan().page->what, "%s %s", kind, path);
}

enum class Verdict { kPass, kFail, kDieAfter, kDieHalf, kShorten };

Verdict strike(const char* kind, const char* path, bool by_half = false) {
  if (!is_meant(kind, path)) return Verdict::kPass;
  Page& page = *plan().page;
  const uint64_t number = ++page.counted;
  const uint64_t chosen = page.chosen;
  const bool lasts = plan().how == How::kAlways || plan().how == How::kShort;
  if (chosen == 0 || number < chosen || (number > chosen && !lasts)) return Verdict::kPass;
  if (page.struck++ == 0) tell(kind, path);
  switch (plan().how) {
    case How::kBefore: die();
    case How::kAfter: return Verdict::kDieAfter;
    case How::kHalf: return Verdict::kDieHalf;
    case How::kShort: return number == chosen && by_half ? Verdict::kShorten : Verdict::kFail;
    default: return Verdict::kFail;
  }
}

// The path of an open file; empty when it has none.
struct PathOf {
  explicit PathOf(int file) {
    char link[64];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = ::readlink(link, text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
  }
  char text[4096];
};

Verdict strike(const char* kind, int file, bool by_half = false) {
  return plan().how == How::kNone ? Verdict::kPass : strike(kind, PathOf(file).text, by_half);
}

struct ShadowOf {
  explicit ShadowOf(const struct stat& status) {
    std::snprintf(name, sizeof name, "%s/%lu", plan().shadow, status.st_ino);
    std::snprintf(fresh, sizeof fresh, "%s.%d", name, ::gettid());
  }
  char name[4096];
  char fresh[4200];
};

// What stands in a file now outlives a power loss.
void remember(int file) {
  struct stat status;
  if (plan().shadow == nullptr || ::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) return;
  if (!is_inside(PathOf(file).text)) return;
  const ShadowOf shadow(status);
  char self[64];
  std::snprintf(self, sizeof self, "/proc/self/fd/%d", file);
  const auto from = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, self, O_RDONLY, 0));
  const auto to = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, shadow.fresh,
                                             O_WRONLY | O_CREAT | O_TRUNC, 0600));
  char bytes[65536];
  long count = 0;
  while ((count = ::syscall(SYS_read, from, bytes, sizeof bytes)) > 0) {
    ::syscall(SYS_write, to, bytes, count);
  }
  ::syscall(SYS_close, from);
  ::syscall(SYS_close, to);
  ::syscall(SYS_rename, shadow.fresh, shadow.name);
}

// A new file may have the number of one that is gone.
void forget(int file) {
  struct stat status;
  if (plan().shadow == nullptr || file < 0 || ::fstat(file, &status) != 0) return;
  if (status.st_size > 0 || !S_ISREG(status.st_mode) || !is_inside(PathOf(file).text)) return;
  ::syscall(SYS_unlink, ShadowOf(status).name);
}

long failed() {
  errno = plan().error;
  return -1;
}

template <typename... Words>
long call(Verdict verdict, long number, Words... words) {
  if (verdict == Verdict::kFail) return failed();
  const long answer = ::syscall(number, words...);
  if (verdict == Verdict::kDieAfter || verdict == Verdict::kDieHalf) die();
  return answer;
}

// Half of the bytes, but of a sector all or none: no disk writes less.
size_t cut(size_t size, off_t at) {
  const auto from = static_cast<size_t>(at);
  const size_t to = (from + size / 2) / kSectorBytes * kSectorBytes;
  return to > from ? to - from : 0;
}

template <typename Write>
ssize_t write_at(int file, size_t size, off_t at, Write write) {
  const auto verdict = strike("write", file, true);
  const bool halved = verdict == Verdict::kDieHalf || verdict == Verdict::kShorten;
  const size_t meant = halved ? cut(size, at) : size;
  if (verdict == Verdict::kFail || (verdict == Verdict::kShorten && meant == 0)) return failed();
  const ssize_t written = write(meant);
  if (verdict == Verdict::kDieAfter || verdict == Verdict::kDieHalf) die();
  return written;
}

int open_at(int folder, const char* path, int flags, mode_t mode) {
  const auto verdict = (flags & O_DIRECTORY) != 0 ? Verdict::kPass : strike("open", path);
  if (verdict == Verdict::kFail) return static_cast<int>(failed());
  const auto file = static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
  forget(file);
  if (verdict != Verdict::kPass) die();
  return file;
}

int sync_by(long number, int file) {
  const auto verdict = strike("sync", file);
  if (verdict == Verdict::kFail) return static_cast<int>(failed());
  const long answer = ::syscall(number, file);
  if (answer == 0) remember(file);
  if (verdict != Verdict::kPass) die();
  return static_cast<int>(answer);
}

mode_t mode_in(int flags, va_list words) {
  return (flags & O_CREAT) != 0 ? va_arg(words, mode_t) : 0;
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// The names are the C library's.
extern "C" {

ssize_t write(int file, const void* bytes, size_t size) {
  const off_t at = plan().how == How::kNone ? 0 : ::lseek(file, 0, SEEK_CUR);
  return write_at(file, size, at, [&](size_t meant) {
    return ::syscall(SYS_write, file, bytes, meant);
  });
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  return write_at(file, size, at, [&](size_t meant) {
    return ::syscall(SYS_pwrite64, file, bytes, meant, at);
  });
}

ssize_t writev(int file, const iovec* parts, int count) {
  return call(strike("write", file), SYS_writev, file, parts, count);
}

ssize_t sendfile(int file, int from, off_t* at, size_t size) {
  return call(strike("write", file), SYS_sendfile, file, from, at, size);
}

ssize_t read(int file, void* bytes, size_t size) {
  return call(strike("read", file), SYS_read, file, bytes, size);
}

ssize_t pread(int file, void* bytes, size_t size, off_t at) {
  return call(strike("read", file), SYS_pread64, file, bytes, size, at);
}

size_t fread_unlocked(void* bytes, size_t size, size_t count, FILE* stream) {
  static auto* const real = next<decltype(fread_unlocked)>("fread_unlocked");
  if (strike("read", ::fileno(stream)) == Verdict::kFail) {
    errno = plan().error;
    return 0;
  }
  return real(bytes, size, count, stream);
}

int fsync(int file) { return sync_by(SYS_fsync, file); }

int fdatasync(int file) { return sync_by(SYS_fdatasync, file); }

int open(const char* path, int flags, ...) {
  va_list words;
  va_start(words, flags);
  const mode_t mode = mode_in(flags, words);
  va_end(words);
  return open_at(AT_FDCWD, path, flags, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  static auto* const real = next<decltype(fopen64)>("fopen64");
  const auto verdict = strike("open", path);
  if (verdict == Verdict::kFail) {
    errno = plan().error;
    return nullptr;
  }
  FILE* const stream = real(path, mode);
  if (stream != nullptr) forget(::fileno(stream));
  if (verdict != Verdict::kPass) die();
  return stream;
}

FILE* fopen(const char* path, const char* mode) { return fopen64(path, mode); }

int rename(const char* from, const char* to) {
  return static_cast<int>(call(strike("rename", to), SYS_rename, from, to));
}

int link(const char* from, const char* to) {
  return static_cast<int>(call(strike("link", to), SYS_link, from, to));
}

int unlink(const char* path) {
  return static_cast<int>(call(strike("unlink", path), SYS_unlink, path));
}

int remove(const char* path) {
  static auto* const real = next<int(const char*)>("remove");
  const auto verdict = strike("unlink", path);
  if (verdict == Verdict::kFail) return static_cast<int>(failed());
  const int answer = real(path);
  if (verdict == Verdict::kDieAfter) die();
  return answer;
}

// Relative to an open folder, as a whole tree is removed.
int unlinkat(int folder, const char* path, int flags) {
  return static_cast<int>(call(strike("unlink", folder), SYS_unlinkat, folder, path, flags));
}

int mkdir(const char* path, mode_t mode) {
  return static_cast<int>(call(strike("mkdir", path), SYS_mkdir, path, mode));
}

int ftruncate(int file, off_t size) {
  return static_cast<int>(call(strike("size", file), SYS_ftruncate, file, size));
}

int fallocate(int file, int mode, off_t from, off_t size) {
  return static_cast<int>(call(strike("size", file), SYS_fallocate, file, mode, from, size));
}

int posix_fallocate(int file, off_t from, off_t size) {
  const long answer = call(strike("size", file), SYS_fallocate, file, 0, from, size);
  return answer == 0 ? 0 : errno;
}

}  // extern "C"
