#pragma once
// Memory in large pages, for a process that fills hundreds of megabytes at once: of small ones the kernel hands out one at a time, and
// that costs more than decoding the row that is put there. All are hints: where the system gives no large pages, nothing changes.
namespace abide {

// The heap grows in steps that large pages fit into; they are not touched before they are used. Once, in main, before there are threads.
void let_heap_grow_in_large_steps();

// This thread has just allocated something there and goes on to fill its heap: what follows there comes in large pages.
void want_large_pages_at(const void* place);

// For a command that folds a long history and ends: all of this thread's heap comes in large pages from here on, and is not given back
// before the process ends. What a fold holds is visited in any order, and with small pages a large part of its time goes into finding them.
void prefer_large_pages();

}  // namespace abide
