package kit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Mode is what an invocation is for; numbers of different modes are never mixed.
type Mode string

// The modes of the protocol.
const (
	Throughput Mode = "throughput"
	Memory     Mode = "memory"
	Exact      Mode = "exact"
	Latency    Mode = "latency"
)

// The integers that every workload takes besides its own.
var (
	warmup     = Parameter{Name: "warmup"}
	iterations = Parameter{Name: "iterations", Least: 1}
)

// The integers of mode latency. A tick of 0 means none.
var (
	rate = Parameter{Name: "rate", Least: 1, Most: 1_000_000_000}
	tick = Parameter{Name: "tick_us", Least: 100, Most: 1_000_000}
)

// Params is a command line, parsed: what a workload does depends on nothing else.
type Params struct {
	Variant    Variant
	Mode       Mode
	Seed       uint64
	Warmup     int
	Iterations int
	Rate       int // arrivals per second; mode latency only
	TickUS     int // period of the stall ticker, 0: none; mode latency only
	values     map[string]int
}

// Int returns a parameter that the workload declares. Asking for another one is a bug in the workload and panics.
func (p Params) Int(name string) int {
	value, ok := p.values[name]
	if !ok {
		panic("parameter not declared: " + name)
	}
	return value
}

// UsageError is a command line that cannot be run as it stands: exit 64.
type UsageError struct{ text string }

func (e *UsageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// UnsupportedError is a correct request for something that this program or this machine cannot do: exit 69.
type UnsupportedError struct{ text string }

func (e *UnsupportedError) Error() string { return e.text }

// ParseParams reads the key=value arguments of w: the common keys and the workload's parameters, each exactly once and
// in any order. The error is a UsageError, or an UnsupportedError where a variant has no operations for mode latency.
func ParseParams(w *Workload, args []string) (Params, error) {
	expected := []string{"variant", "mode", "seed", warmup.Name, iterations.Name}
	if slices.Contains(args, "mode="+string(Latency)) {
		expected = append(expected, rate.Name, tick.Name)
	}
	for _, parameter := range w.Parameters {
		expected = append(expected, parameter.Name)
	}

	given := make(map[string]string, len(args))
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return Params{}, usagef("%q is not key=value; expected keys: %q", arg, expected)
		}
		if _, repeated := given[key]; repeated {
			return Params{}, usagef("key %q is repeated; each is given once: %q", key, expected)
		}
		given[key] = value
	}
	for key := range given {
		if !slices.Contains(expected, key) {
			return Params{}, usagef("unknown key %q; expected keys: %q", key, expected)
		}
	}
	for _, key := range expected {
		if _, ok := given[key]; !ok {
			return Params{}, usagef("missing key %q; expected keys: %q", key, expected)
		}
	}
	return typed(w, given)
}

// typed turns the texts of a complete set of keys into values.
func typed(w *Workload, given map[string]string) (p Params, err error) {
	if p.Variant, err = w.variant(given["variant"]); err != nil {
		return Params{}, err
	}
	p.Mode = Mode(given["mode"])
	if modes := []Mode{Throughput, Memory, Exact, Latency}; !slices.Contains(modes, p.Mode) {
		return Params{}, usagef("unknown mode %q; expected: %q", p.Mode, modes)
	}
	if p.Variant.Forms && p.Mode != Exact {
		return Params{}, usagef("variant %q runs in mode exact only, not %q", p.Variant.ID, p.Mode)
	}
	if p.Seed, err = strconv.ParseUint(given["seed"], 10, 64); err != nil {
		return Params{}, usagef("seed=%s is not an unsigned 64-bit decimal", given["seed"])
	}
	if p.Warmup, err = warmup.read(given); err != nil {
		return Params{}, err
	}
	if p.Iterations, err = iterations.read(given); err != nil {
		return Params{}, err
	}
	if p.Mode == Latency {
		if p.Rate, err = rate.read(given); err != nil {
			return Params{}, err
		}
		if p.TickUS, err = readTick(given); err != nil {
			return Params{}, err
		}
	}
	p.values = make(map[string]int, len(w.Parameters))
	for _, parameter := range w.Parameters {
		if p.values[parameter.Name], err = parameter.read(given); err != nil {
			return Params{}, err
		}
	}
	if p.Mode == Latency && p.Variant.Arrivals == "" {
		return Params{}, &UnsupportedError{fmt.Sprintf(
			"mode latency needs single operations, which variant %q of %s does not have", p.Variant.ID, w.ID)}
	}
	return p, nil
}

func readTick(given map[string]string) (int, error) {
	if given[tick.Name] == "0" {
		return 0, nil
	}
	value, err := tick.read(given)
	if err != nil {
		return 0, usagef("%v, or 0", err)
	}
	return value, nil
}

func (w *Workload) variant(id string) (Variant, error) {
	ids := make([]string, 0, len(w.Variants))
	for _, variant := range w.Variants {
		if variant.ID == id {
			return variant, nil
		}
		ids = append(ids, variant.ID)
	}
	return Variant{}, usagef("unknown variant %q of %s; there are: %q", id, w.ID, ids)
}

func (p Parameter) read(given map[string]string) (int, error) {
	most := uint64(math.MaxInt)
	if p.Most > 0 {
		most = uint64(p.Most)
	}
	value, err := strconv.ParseUint(given[p.Name], 10, 64)
	if err != nil || value < uint64(p.Least) || value > most || p.Multiple > 0 && value%uint64(p.Multiple) != 0 {
		text := fmt.Sprintf("%s=%s is not an integer from %d to %d", p.Name, given[p.Name], p.Least, most)
		if p.Multiple > 0 {
			text += fmt.Sprintf(" and a multiple of %d", p.Multiple)
		}
		return 0, &UsageError{text}
	}
	return int(value), nil
}
