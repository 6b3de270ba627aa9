package kit

import (
	"maps"
	"slices"
)

// Workload is one file under workloads/: an allocation pattern with its variants, in the order of the workload's TOML.
type Workload struct {
	ID         string
	Parameters []Parameter
	Variants   []Variant
}

// Parameter is an integer on the command line: from Least to Most (0: whatever fits an int), and a multiple of
// Multiple (0: any). It is checked before anything is printed, so that a workload can rely on it.
type Parameter struct {
	Name                  string
	Least, Most, Multiple int
}

// Forms returns the variants that a process serving all forms runs, in order.
func (w *Workload) Forms() []Variant {
	return slices.DeleteFunc(slices.Clone(w.Variants), func(v Variant) bool { return v.Forms })
}

// Variant is one shape of a workload.
type Variant struct {
	ID string
	// Setup makes what an iteration starts from; it runs before the clock.
	Setup func(*Run) State
	// Arrivals names the parameter that counts the variant's operations; empty where it has no single ones. Where it
	// has, Setup returns an Operator.
	Arrivals string
	// Forms marks the variant that has no Setup of its own: its process runs every other variant in turn, as forms.
	Forms bool
}

// State is one iteration of a variant: Iterate is what the clock encloses, Teardown drops what Setup made and says
// what was done.
type State interface {
	Iterate()
	Teardown() Result
}

// Operator is the State of a variant with single operations, which mode latency calls one by one. Iterate does
// operations 0, 1, ... through the same code, in a plain loop over the concrete type.
type Operator interface {
	State
	Operate(i int)
}

// Concluder is an Operator whose Iterate does something more after the last operation.
type Concluder interface {
	Operator
	Conclude()
}

// Result is what one iteration did. The counts are logical: what the algorithm asks for, not what the compiler made
// of it. Bytes are payload bytes.
type Result struct {
	Operations     uint64
	Allocations    uint64
	AllocatedBytes uint64
	PeakLiveBytes  uint64
	Checksum       Checksum
	Counters       []Counter
}

// Equal reports whether two iterations did the same.
func (r Result) Equal(other Result) bool {
	return r.Operations == other.Operations && r.Allocations == other.Allocations &&
		r.AllocatedBytes == other.AllocatedBytes && r.PeakLiveBytes == other.PeakLiveBytes &&
		r.Checksum == other.Checksum && slices.Equal(r.Counters, other.Counters)
}

// Counter is a number that a workload publishes beside the common ones.
type Counter struct {
	Name  string
	Value uint64
}

// Run is what Setup gets: the parameters, and where to report memory at a named moment.
type Run struct {
	Params
	checkpoints *Checkpoints
}

// NewRun returns a run whose checkpoints go to checkpoints; nil where the mode takes none.
func NewRun(params Params, checkpoints *Checkpoints) *Run {
	return &Run{Params: params, checkpoints: checkpoints}
}

// Checkpoint records the process's memory under name in mode memory and does nothing in the others. live is what the
// workload knows it holds, in bytes.
func (r *Run) Checkpoint(name string, live uint64) {
	if r.checkpoints != nil {
		r.checkpoints.take(name, live)
	}
}

var registry = map[string]*Workload{}

// Register makes a workload known under its ID; workloads call it from init. It panics when the ID is taken, because
// then one of two files would silently never run.
func Register(w Workload) {
	if _, taken := registry[w.ID]; taken {
		panic("workload registered twice: " + w.ID)
	}
	registry[w.ID] = &w
}

// Lookup returns the workload of that ID, or a UsageError that lists those there are.
func Lookup(id string) (*Workload, error) {
	if w, ok := registry[id]; ok {
		return w, nil
	}
	return nil, usagef("unknown workload %q; there are: %q", id, ids())
}

// Usage is the error of a command line without a workload.
func Usage() error {
	return usagef("expected WORKLOAD key=value ...; workloads: %q", ids())
}

func ids() []string { return slices.Sorted(maps.Keys(registry)) }
