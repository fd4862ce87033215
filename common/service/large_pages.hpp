#pragma once
// For a command that folds a long history and ends.

namespace abide {

// The heap of this thread grows into large pages from here on, and is not given back before the process ends. What a fold holds is visited
// in any order: with pages of 4 KiB a large part of its time goes into finding them, and into having the kernel clear one after the other.
// Where the kernel has none to give, or the address space is limited, nothing changes.
void prefer_large_pages();

}  // namespace abide
