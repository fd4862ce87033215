#pragma once
// Threads as top -H and perf show them, by names of at most 15 bytes; and as the kernel weighs them.
#include <pthread.h>
#include <sched.h>

namespace abide {

inline void name_this_thread(const char* name) {
  pthread_setname_np(pthread_self(), name);
}

// It still gets its share of the cores, but when it wakes it interrupts nobody: for one that has much to do, beside others that have
// little and are waited for.
inline void yield_to_short_work() {
  const sched_param none{};
  (void)sched_setscheduler(0, SCHED_BATCH, &none);  // of this thread; where it is refused all is as before
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
