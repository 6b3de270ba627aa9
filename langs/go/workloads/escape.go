package workloads

import "memverdict/langs/go/kit"

// Escape: one small value made and used, in every way that decides whether the compiler may keep it on the stack. The
// bodies of the forms are alike but for that way; the functions out of line are what the compiler may not see into.
func init() {
	variants := make([]kit.Variant, 0, len(forms)+1)
	for _, f := range forms {
		variants = append(variants, kit.Variant{ID: f.id, Setup: f.setup})
	}
	kit.Register(kit.Workload{
		ID:         "escape",
		Parameters: []kit.Parameter{{Name: "operations"}, {Name: "large_operations"}},
		Variants:   append(variants, kit.Variant{ID: "all", Forms: true}),
	})
}

// form is one variant: loop makes and uses n values and returns the sum of what their uses gave.
type form struct {
	id    string
	loop  func(seed, n uint64) uint64
	bytes uint64 // logical bytes of a value
	shape shape
}

// shape says how many operations a form makes and how many of its values live at once.
type shape int

const (
	small  shape = iota // one value per operation, gone before the next
	stored              // the same, but the last ringSize values live
	large               // large_operations instead of operations
	hot                 // one value for all operations, ten times large_operations
)

const (
	quadBytes = 32
	ringSize  = 1024
	hotWords  = 512
)

var forms = []form{
	{"value", byValue, quadBytes, small},
	{"local", local, quadBytes, small},
	{"heap", heap, quadBytes, small},
	{"stored", storedQuad, quadBytes, stored},
	{"merged", merged, quadBytes, small},
	{"constructor_inlined", constructorInlined, quadBytes, small},
	{"constructor_noinline", constructorNoinline, quadBytes, small},
	{"constructor_stored", constructorStored, quadBytes, stored},
	{"interface", throughInterface, quadBytes, small},
	{"closure", throughClosure, quadBytes, small},
	{"hot_stack", hotStack, hotWords * wordSize, hot},
	{"hot_heap", hotHeap, hotWords * wordSize, hot},
	{"new_local", newLocal, quadBytes, small},
	{"new_escapes", newEscapes, quadBytes, stored},
	{"make_slice_local", makeSliceLocal, quadBytes, small},
	{"make_slice_escapes", makeSliceEscapes, quadBytes, stored},
	{"make_map_local", makeMapLocal, quadBytes, small},
	{"make_map_escapes", makeMapEscapes, quadBytes, stored},
	{"make_channel_local", makeChannelLocal, wordSize, small},
	{"append_local", appendLocal, quadBytes, small},
	{"buffer_variable_32", bufferVariable32, 32, small},
	{"buffer_variable_33", bufferVariable33, 33, small},
	{"buffer_constant_65536", bufferConstant65536, 65536, large},
	{"buffer_constant_65537", bufferConstant65537, 65537, large},
	{"array_131072", array131072, 131072, large},
	{"array_131073", array131073, 131073, large},
}

// escape is one iteration of a form.
type escape struct {
	form     form
	seed     uint64
	n        uint64
	checksum kit.Checksum
}

func (f form) setup(run *kit.Run) kit.State {
	e := &escape{form: f, seed: run.Seed, checksum: kit.NewChecksum()}
	switch f.shape {
	case large:
		e.n = uint64(run.Int("large_operations"))
	case hot:
		e.n = uint64(run.Int("large_operations")) * 10
	default:
		e.n = uint64(run.Int("operations"))
	}
	quads, slices, maps = make([]*quad, ringSize), make([][]uint64, ringSize), make([]map[uint64]uint64, ringSize)
	return e
}

func (e *escape) Iterate() {
	e.checksum.Add(e.form.loop(e.seed, e.n))
}

func (e *escape) Teardown() kit.Result {
	quads, slices, maps = nil, nil, nil
	values, alive := e.n, uint64(1)
	switch e.form.shape {
	case stored:
		alive = min(e.n, ringSize)
	case hot:
		values = 1
	}
	return kit.Result{
		Operations:     e.n,
		Allocations:    values,
		AllocatedBytes: values * e.form.bytes,
		PeakLiveBytes:  alive * e.form.bytes,
		Checksum:       e.checksum,
	}
}

// quad is the value that most forms make.
type quad struct{ a, b, c, d uint64 }

// The global slots of the forms that store, replaced in turn.
var (
	quads  []*quad
	slices [][]uint64
	maps   []map[uint64]uint64
)

// never is false, which the compiler does not know: what is stored into a sink under it might be kept, so it must live
// on the heap, and yet no store is paid for.
var (
	never bool
	//lint:ignore U1000 never written, so never read either
	sinkQuad *quad
	//lint:ignore U1000 as above
	sinkHot *[hotWords]uint64
)

const golden = 0x9e3779b97f4a7c15

// The uses, kept out of line. useS does not keep its pointer; useH might; both read the same.

//go:noinline
func useS(p *quad) uint64 { return p.a + p.b + p.c + p.d }

//go:noinline
func useH(p *quad) uint64 {
	if never {
		sinkQuad = p
	}
	return p.a + p.b + p.c + p.d
}

//go:noinline
func useValue(v quad) uint64 { return v.a + v.b + v.c + v.d }

//go:noinline
func useSlice(s []uint64) uint64 { return s[0] + s[1] + s[2] + s[3] }

//go:noinline
func useMap(m map[uint64]uint64) uint64 { return m[0] + m[1] }

//go:noinline
func useChannel(c chan uint64) uint64 { return <-c }

//go:noinline
func useBytes(b []byte) uint64 { return uint64(b[0]) + 256*uint64(b[len(b)-1]) }

//go:noinline
func useHot(words *[hotWords]uint64, s uint64) uint64 {
	for _, word := range words {
		s = s*3 + word
	}
	return s
}

func byValue(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		v := quad{a: x, b: x >> 1, c: x ^ i, d: x + i}
		sum += useValue(v)
	}
	return sum
}

func local(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		v := quad{a: x, b: x >> 1, c: x ^ i, d: x + i}
		sum += useS(&v)
	}
	return sum
}

func heap(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		// allocate: useH might keep the pointer, so v moves to the heap
		// touch: every field
		v := quad{a: x, b: x >> 1, c: x ^ i, d: x + i}
		sum += useH(&v)
		// retire: the next turn has a v of its own
	}
	return sum
}

func storedQuad(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		// allocate: the ring outlives the loop
		// touch: every field
		v := quad{a: x, b: x >> 1, c: x ^ i, d: x + i}
		sum += useS(&v)
		// publish: the slot refers to v
		// retire: and no longer to its occupant
		quads[i%ringSize] = &v
	}
	clear(quads)
	return sum
}

func merged(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		var p *quad
		if x&(1<<17) == 0 {
			p = &quad{a: x, b: x >> 1, c: x ^ i, d: x + i}
		} else {
			p = &quad{a: ^x, b: ^(x >> 1), c: ^(x ^ i), d: ^(x + i)}
		}
		sum += useS(p)
	}
	return sum
}

// newQuad is a small constructor, inlined where it is called.
func newQuad(x, i uint64) *quad {
	return &quad{a: x, b: x >> 1, c: x ^ i, d: x + i}
}

//go:noinline
func newQuadNoinline(x, i uint64) *quad {
	return &quad{a: x, b: x >> 1, c: x ^ i, d: x + i}
}

func constructorInlined(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		sum += useS(newQuad(x, i))
	}
	return sum
}

func constructorNoinline(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		sum += useS(newQuadNoinline(x, i))
	}
	return sum
}

func constructorStored(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		p := newQuad(x, i)
		sum += useS(p)
		quads[i%ringSize] = p
	}
	clear(quads)
	return sum
}

// user is what a caller knows of a value whose type it does not know.
type user interface{ use() uint64 }

func (q *quad) use() uint64 { return q.a + q.b + q.c + q.d }

// useUser is kept out of line so that its call cannot be resolved to the one type there is. It might call anything, and
// anything might keep the pointer.
//
//go:noinline
func useUser(u user) uint64 { return u.use() }

func throughInterface(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		v := quad{a: x, b: x >> 1, c: x ^ i, d: x + i}
		sum += useUser(&v)
	}
	return sum
}

//go:noinline
func closeOver(x, i uint64) func() uint64 {
	v := quad{a: x, b: x >> 1, c: x ^ i, d: x + i}
	return func() uint64 { return v.a + v.b + v.c + v.d }
}

func throughClosure(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		sum += closeOver(x, i)()
	}
	return sum
}

func fillHot(words *[hotWords]uint64, seed uint64) {
	rng := kit.NewRNG(seed)
	for i := range words {
		words[i] = rng.Next()
	}
}

// keepHot might keep the buffer; called once, so that both hot forms read through the same function.
//
//go:noinline
func keepHot(words *[hotWords]uint64) {
	if never {
		sinkHot = words
	}
}

func hotStack(seed, n uint64) (sum uint64) {
	var words [hotWords]uint64
	fillHot(&words, seed)
	for i := range n {
		sum += useHot(&words, i)
	}
	return sum
}

func hotHeap(seed, n uint64) (sum uint64) {
	var words [hotWords]uint64
	keepHot(&words)
	fillHot(&words, seed)
	for i := range n {
		sum += useHot(&words, i)
	}
	return sum
}

func newLocal(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		p := new(quad)
		p.a, p.b, p.c, p.d = x, x>>1, x^i, x+i
		sum += useS(p)
	}
	return sum
}

func newEscapes(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		p := new(quad)
		p.a, p.b, p.c, p.d = x, x>>1, x^i, x+i
		sum += useS(p)
		quads[i%ringSize] = p
	}
	clear(quads)
	return sum
}

func makeSliceLocal(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		s := make([]uint64, 4)
		s[0], s[1], s[2], s[3] = x, x>>1, x^i, x+i
		sum += useSlice(s)
	}
	return sum
}

func makeSliceEscapes(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		s := make([]uint64, 4)
		s[0], s[1], s[2], s[3] = x, x>>1, x^i, x+i
		sum += useSlice(s)
		slices[i%ringSize] = s
	}
	clear(slices)
	return sum
}

func makeMapLocal(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		m := make(map[uint64]uint64, 2)
		m[0] = x + x>>1
		m[1] = (x ^ i) + (x + i)
		sum += useMap(m)
	}
	return sum
}

func makeMapEscapes(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		m := make(map[uint64]uint64, 2)
		m[0] = x + x>>1
		m[1] = (x ^ i) + (x + i)
		sum += useMap(m)
		maps[i%ringSize] = m
	}
	clear(maps)
	return sum
}

func makeChannelLocal(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		c := make(chan uint64, 1)
		c <- x + x>>1 + (x ^ i) + (x + i)
		sum += useChannel(c)
	}
	return sum
}

func appendLocal(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		sum += appendFour(x, i)
	}
	return sum
}

// appendFour is a call of its own, as such code is in programs: a compiler that starts a slice on the stack does so once
// per call, not once per turn of a loop.
//
//go:noinline
func appendFour(x, i uint64) uint64 {
	var s []uint64
	s = append(s, x)
	s = append(s, x>>1)
	s = append(s, x^i)
	s = append(s, x+i)
	return useSlice(s)
}

func bufferVariable32(seed, n uint64) uint64 { return bufferVariable(seed, n, 32) }

func bufferVariable33(seed, n uint64) uint64 { return bufferVariable(seed, n, 33) }

// bufferVariable is kept out of line so that it does not know the length.
//
//go:noinline
func bufferVariable(seed, n uint64, length int) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		b := make([]byte, length)
		b[0], b[len(b)-1] = byte(x), byte(x>>8)
		sum += useBytes(b)
	}
	return sum
}

func bufferConstant65536(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		b := make([]byte, 65536)
		b[0], b[len(b)-1] = byte(x), byte(x>>8)
		sum += useBytes(b)
	}
	return sum
}

func bufferConstant65537(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		b := make([]byte, 65537)
		b[0], b[len(b)-1] = byte(x), byte(x>>8)
		sum += useBytes(b)
	}
	return sum
}

func array131072(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		var b [131072]byte
		b[0], b[len(b)-1] = byte(x), byte(x>>8)
		sum += useBytes(b[:])
	}
	return sum
}

func array131073(seed, n uint64) (sum uint64) {
	for i := range n {
		x := (seed + i) * golden
		var b [131073]byte
		b[0], b[len(b)-1] = byte(x), byte(x>>8)
		sum += useBytes(b[:])
	}
	return sum
}
