#pragma once
// Names of threads, as top -H and perf show them: at most 15 bytes.
#include <pthread.h>

namespace abide {

inline void name_this_thread(const char* name) {
  pthread_setname_np(pthread_self(), name);
}

// While it lives: threads that this one starts are named so, too, those of a library among them.
class ThreadsNamed {
 public:
  explicit ThreadsNamed(const char* name) {
    pthread_getname_np(pthread_self(), before_, sizeof before_);
    name_this_thread(name);
  }
  ~ThreadsNamed() { name_this_thread(before_); }
  ThreadsNamed(const ThreadsNamed&) = delete;
  ThreadsNamed& operator=(const ThreadsNamed&) = delete;

 private:
  char before_[16] = {};
};

}  // namespace abide
