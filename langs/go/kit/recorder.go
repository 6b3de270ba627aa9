package kit

import (
	"cmp"
	"math/bits"
	"slices"
)

// A histogram's range and precision, as HdrHistogram takes them: 1 ns to one hour, three significant digits.
const (
	histogramLowest  = 1
	histogramHighest = 3_600_000_000_000
	histogramDigits  = 3
)

// What follows from them. Three digits need 2 * 10^3 values told apart: 2^11 in the first bucket, and in each later
// one, whose values are twice as wide, the upper half of that. The highest value lies in the 32nd bucket, and the first
// one fills two halves.
const (
	halfBits        = 10
	halfCount       = 1 << halfBits
	histogramCounts = 33 * halfCount
)

// Histogram counts durations in ns in HdrHistogram's bucket layout. Its memory is all in the value itself and holds no
// pointer; counting allocates nothing and takes no lock.
type Histogram struct {
	Count  uint64
	Max    int64 // exact
	Counts [histogramCounts]uint64
}

// HistogramIndex is the index that HdrHistogram gives a value from 0 to the highest.
func HistogramIndex(value int64) int {
	bucket := bits.Len64(uint64(value)|(2*halfCount-1)) - (halfBits + 1)
	return bucket<<halfBits + int(value>>bucket)
}

// Add counts a value of 0 or more n times. One above the highest counts as the highest, but is the maximum itself.
func (h *Histogram) Add(value int64, n uint64) {
	h.Counts[HistogramIndex(min(value, histogramHighest))] += n
	h.Count += n
	h.Max = max(h.Max, value)
}

// Span is a piece of time by the ns of the monotonic clock at its ends.
type Span struct{ Start, End int64 }

func (s Span) length() int64 { return s.End - s.Start }

// longestCount is how many of the longest operations a recorder keeps.
const longestCount = 64

// Recorder keeps what operations felt: a histogram of their response times and one of their service times, and the
// longest of them, whose moments a histogram forgets. Its memory is all in the value itself and holds no pointer;
// recording allocates nothing and takes no lock.
type Recorder struct {
	Response, Service Histogram

	longest  [longestCount]Span
	kept     int
	shortest int // place of the shortest kept, once there are longestCount
}

// Clear forgets everything. It writes to all of the memory, which is resident afterwards.
func (r *Recorder) Clear() { *r = Recorder{} }

// Add records an operation that was due at a moment and lasted from start to end.
func (r *Recorder) Add(due, start, end int64) {
	r.Response.Add(end-due, 1)
	r.Service.Add(end-start, 1)
	if r.kept < longestCount || end-start > r.longest[r.shortest].length() {
		r.keep(Span{start, end})
	}
}

// keep replaces the shortest. Looking for the next shortest is rare: of n operations of the same law the last is among
// the longest with a chance of 64 / n.
func (r *Recorder) keep(operation Span) {
	if r.kept < longestCount {
		r.longest[r.kept] = operation
		r.kept++
	} else {
		r.longest[r.shortest] = operation
	}
	for i := range r.kept {
		if r.longest[i].length() < r.longest[r.shortest].length() {
			r.shortest = i
		}
	}
}

// Longest returns the longest operations by their start; of equally long ones the earlier. It allocates.
func (r *Recorder) Longest() []Span {
	return slices.SortedFunc(slices.Values(r.longest[:r.kept]), func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
}
