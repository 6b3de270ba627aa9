package kit

import (
	"cmp"
	"math/bits"
	"slices"
)

// In an open loop an operation waits for its moment: in sleep while more than sleepFrom ns are missing, which ends
// spin ns before because sleep ends late, and for the rest on the clock.
const (
	sleepFrom = 1_000_000
	spin      = 200_000
)

// outside is what mode latency writes to while it measures. It is global and without pointers, so that it lies outside
// the heap: in it these 2 MiB would be live bytes, whose number sets the pace of the collector.
var outside struct {
	recorder Recorder
	gaps     Gaps
}

// OpenLoop runs the operations of iterations on a schedule that does not wait for them, and keeps what was felt.
type OpenLoop struct {
	recorder *Recorder
	gaps     *Gaps
	ticker   *Ticker // nil: there is none
	stops    *Stops
	measured []Span
	rate     uint64
	count    int // of operations in an iteration
}

// NewOpenLoop prepares mode latency: all of its memory is resident, and the ticker's thread is there. The error is an
// UnsupportedError.
func NewOpenLoop(params Params) (*OpenLoop, error) {
	l := &OpenLoop{
		recorder: &outside.recorder,
		gaps:     &outside.gaps,
		stops:    NewStops(),
		measured: make([]Span, 0, params.Iterations),
		rate:     uint64(params.Rate),
		count:    params.Int(params.Variant.Arrivals),
	}
	l.recorder.Clear()
	l.gaps.Clear()
	if params.TickUS > 0 {
		var err error
		if l.ticker, err = NewTicker(int64(params.TickUS)*1000, "/proc/thread-self/schedstat", l.gaps); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Begin starts what watches a measured iteration.
func (l *OpenLoop) Begin() {
	l.stops.Begin()
	if l.ticker != nil {
		l.ticker.Begin()
	}
}

// End stops it. span is the time from the start of the schedule to the end of the last operation.
func (l *OpenLoop) End(span Span) {
	l.stops.End()
	if l.ticker != nil {
		l.ticker.End()
	}
	l.measured = append(l.measured, span)
}

// WarmUp does all operations one after the other, through the recorder, and forgets what that holds.
func (l *OpenLoop) WarmUp(state Operator) Span {
	start := Now()
	now := start
	for i := range l.count {
		begun := now
		state.Operate(i)
		now = Now()
		l.recorder.Add(begun, begun, now)
	}
	l.recorder.Clear()
	return Span{start, now}
}

// Measure does all operations, each when it is due or, where that is past, at once. The clock is read after each
// operation and where one has to wait; an operation that is late starts when the one before it ends.
func (l *OpenLoop) Measure(state Operator) Span {
	start := Now()
	now := start
	for i := range l.count {
		due := start + Due(i, l.rate)
		if now < due {
			now = waitUntil(due, now)
		}
		begun := now
		state.Operate(i)
		now = Now()
		l.recorder.Add(due, begun, now)
	}
	return Span{start, now}
}

// Due is when operation i is due, in ns after the first: floor(i * 10^9 / rate), in 128 bits. It panics where the
// result has more than 64.
func Due(i int, rate uint64) int64 {
	high, low := bits.Mul64(uint64(i), 1_000_000_000)
	ns, _ := bits.Div64(high, low, rate)
	return int64(ns)
}

// waitUntil returns the first reading of the clock from now on, which is before due, that is not before it.
func waitUntil(due, now int64) int64 {
	for due-now > sleepFrom {
		sleepUntil(due - spin)
		now = Now()
	}
	return SpinUntil(due)
}

// Report writes what was kept, when all iterations are over.
func (l *OpenLoop) Report(s *Stream) {
	s.Histogram("response", &l.recorder.Response)
	s.Histogram("service", &l.recorder.Service)
	if stops := l.stops.Histogram(); stops != nil {
		s.Histogram("reported_stop", stops)
	}
	if l.ticker != nil {
		s.Ticker(l.ticker.period, l.ticker.Threshold(), l.ticker.Ticks(), l.gaps.Dropped)
	}
	for _, stall := range l.stalls() {
		s.Stall(stall)
	}
	for _, stop := range CycleStops() {
		if l.within(stop.Start) {
			s.GCPause("cycle_stops", stop)
		}
	}
}

// stalls returns what was long, gaps and operations, by start.
func (l *OpenLoop) stalls() []Stall {
	var stalls []Stall
	for _, gap := range l.gaps.All() {
		stalls = append(stalls, Stall{Kind: "ticker", Span: gap.Span, Delay: gap.Delay, Delayed: true})
	}
	for _, operation := range l.recorder.Longest() {
		stalls = append(stalls, Stall{Kind: "operation", Span: operation})
	}
	slices.SortStableFunc(stalls, func(a, b Stall) int { return cmp.Compare(a.Start, b.Start) })
	return stalls
}

// within tells whether a moment lies in a measured iteration.
func (l *OpenLoop) within(moment int64) bool {
	return slices.ContainsFunc(l.measured, func(span Span) bool { return span.Start <= moment && moment <= span.End })
}
