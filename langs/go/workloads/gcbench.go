package workloads

import "memverdict/langs/go/kit"

// GCBench: trees that are populated from the top, so that old nodes come to refer to young ones, and trees put together
// from the bottom, beside a tree and an array that stay.
func init() {
	kit.Register(kit.Workload{
		ID:         "gcbench",
		Parameters: []kit.Parameter{{Name: "depth", Most: 40}, {Name: "array", Least: 1, Most: 1 << 40}},
		Variants:   []kit.Variant{{ID: "node", Setup: setupGCBench}},
	})
}

// exactShift leaves so many bits of a draw that a float64 holds them exactly.
const exactShift = 11

type gcBench struct {
	seed     uint64
	depth    int
	length   int       // of the array
	array    []float64 // here and not in a local: the compiler keeps a short local one on the stack
	checksum kit.Checksum
}

func setupGCBench(run *kit.Run) kit.State {
	return &gcBench{
		seed:     run.Seed,
		depth:    run.Int("depth"),
		length:   run.Int("array"),
		checksum: kit.NewChecksum(),
	}
}

func newNode(rng *kit.RNG, left, right *node) *node {
	// allocate: one node
	// touch: the payload and both links
	return &node{left: left, right: right, payload: rng.Next()}
}

func populate(n *node, rng *kit.RNG, depth int) {
	if depth > 0 {
		// publish: two new nodes, in one that is older
		n.left = newNode(rng, nil, nil)
		n.right = newNode(rng, nil, nil)
		populate(n.left, rng, depth-1)
		populate(n.right, rng, depth-1)
	}
}

func topDown(rng *kit.RNG, depth int) *node {
	root := newNode(rng, nil, nil)
	populate(root, rng, depth)
	return root
}

func bottomUp(rng *kit.RNG, depth int) *node {
	var left, right *node
	if depth > 0 {
		left = bottomUp(rng, depth-1)
		right = bottomUp(rng, depth-1)
	}
	return newNode(rng, left, right)
}

func newArray(seed uint64, length int) []float64 {
	rng := kit.NewRNG(seed)
	// allocate: the array
	array := make([]float64, length)
	// touch: every element
	for i := range array {
		array[i] = float64(rng.Next() >> exactShift)
	}
	return array
}

// buildAndHash folds the hashes of n trees built in one direction, each forgotten before the next is built.
func (b *gcBench) buildAndHash(build func(*kit.RNG, int) *node, number uint64, n, depth int) {
	for j := range n {
		rng := kit.NewRNG(b.seed + number + uint64(j))
		b.checksum.Add(uint64(hashOf(build(&rng, depth))))
		// retire: the tree has been hashed, and nothing refers to it
	}
}

func (b *gcBench) Iterate() {
	rng := kit.NewRNG(b.seed)
	longLived := topDown(&rng, b.depth)
	b.array = newArray(b.seed+1, b.length)

	number := uint64(2)
	for d := minDepth; d <= b.depth; d += 2 {
		n := b.treesAt(d)
		b.buildAndHash(topDown, number, n, d)
		b.buildAndHash(bottomUp, number+uint64(n), n, d)
		number += 2 * uint64(n)
	}

	b.checksum.Add(uint64(hashOf(longLived)))
	for _, number := range b.array {
		b.checksum.Add(uint64(number))
	}
	// retire: what was kept throughout
	b.array = nil
}

func (b *gcBench) Teardown() kit.Result {
	nodes, largest := nodesOf(b.depth), uint64(0)
	for d := minDepth; d <= b.depth; d += 2 {
		nodes += 2 * uint64(b.treesAt(d)) * nodesOf(d)
		largest = nodesOf(d)
	}
	arrayBytes := uint64(b.length) * wordSize
	return kit.Result{
		Operations:     nodes,
		Allocations:    nodes + 1,
		AllocatedBytes: nodes*nodeBytes + arrayBytes,
		PeakLiveBytes:  (nodesOf(b.depth)+largest)*nodeBytes + arrayBytes,
		Checksum:       b.checksum,
	}
}

// treesAt is the number of trees of depth d that each direction builds.
func (b *gcBench) treesAt(d int) int { return 1 << (b.depth - d + 3) }
