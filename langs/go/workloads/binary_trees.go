package workloads

import (
	"sync"

	"memverdict/langs/go/kit"
)

// Binary trees: many small objects of one size, linked by pointers, dying a tree at a time beside one tree that stays.
func init() {
	kit.Register(kit.Workload{
		ID:         "binary_trees",
		Parameters: []kit.Parameter{{Name: "depth", Most: 40}, {Name: "threads", Least: 1, Most: maxThreads}},
		Variants:   []kit.Variant{{ID: "node", Setup: setupBinaryTrees}},
	})
}

const (
	minDepth  = 4
	nodeBytes = 24
)

type node struct {
	left, right *node
	payload     uint64
}

type binaryTrees struct {
	seed     uint64
	depth    int
	threads  int
	hashes   []kit.Checksum // of the short-lived trees of one depth
	checksum kit.Checksum
}

func setupBinaryTrees(run *kit.Run) kit.State {
	depth := run.Int("depth")
	return &binaryTrees{
		seed:     run.Seed,
		depth:    depth,
		threads:  run.Int("threads"),
		hashes:   make([]kit.Checksum, treesAt(minDepth, depth)),
		checksum: kit.NewChecksum(),
	}
}

func (b *binaryTrees) Iterate() {
	b.checksum.Add(uint64(hashOfTree(b.seed, b.depth+1)))

	longLived := grow(b.seed+1, b.depth)

	number := uint64(2)
	for d := minDepth; d <= b.depth; d += 2 {
		n := treesAt(d, b.depth)
		b.shortLived(number, d, b.hashes[:n])
		for _, hash := range b.hashes[:n] {
			b.checksum.Add(uint64(hash))
		}
		number += uint64(n)
	}

	b.checksum.Add(uint64(hashOf(longLived)))
}

func (b *binaryTrees) Teardown() kit.Result {
	nodes := nodesOf(b.depth+1) + nodesOf(b.depth)
	trees := uint64(2)
	for d := minDepth; d <= b.depth; d += 2 {
		n := uint64(treesAt(d, b.depth))
		nodes += n * nodesOf(d)
		trees += n
	}
	peak := max(nodesOf(b.depth+1), nodesOf(b.depth)*uint64(1+b.threads))
	return kit.Result{
		Operations:     nodes,
		Allocations:    nodes,
		AllocatedBytes: nodeBytes * nodes,
		PeakLiveBytes:  nodeBytes * peak,
		Checksum:       b.checksum,
		Counters:       []kit.Counter{{Name: "trees", Value: trees}},
	}
}

// treesAt is the number of short-lived trees of depth d beside a long-lived one of the given depth; none where the
// long-lived tree is the smaller one.
func treesAt(d, depth int) int {
	if d > depth {
		return 0
	}
	return 1 << (depth - d + minDepth)
}

// nodesOf is the number of nodes of a tree.
func nodesOf(depth int) uint64 { return 1<<(depth+1) - 1 }

// shortLived fills hashes with those of the trees from the given number on, in contiguous ranges, one for each thread.
func (b *binaryTrees) shortLived(number uint64, depth int, hashes []kit.Checksum) {
	if b.threads == 1 {
		b.hashRange(number, depth, hashes)
		return
	}
	var threads sync.WaitGroup
	for t := range b.threads {
		low, high := t*len(hashes)/b.threads, (t+1)*len(hashes)/b.threads
		threads.Add(1)
		go func() {
			defer threads.Done()
			b.hashRange(number+uint64(low), depth, hashes[low:high])
		}()
	}
	threads.Wait()
}

func (b *binaryTrees) hashRange(number uint64, depth int, hashes []kit.Checksum) {
	for j := range hashes {
		hashes[j] = hashOfTree(b.seed+number+uint64(j), depth)
	}
}

// grow returns the tree whose payloads are drawn from seed.
func grow(seed uint64, depth int) *node {
	rng := kit.NewRNG(seed)
	return build(&rng, depth)
}

func build(rng *kit.RNG, depth int) *node {
	// allocate: one node per call
	n := new(node)
	// touch: the payload, and the links of an inner node
	n.payload = rng.Next()
	if depth > 0 {
		n.left = build(rng, depth-1)
		n.right = build(rng, depth-1)
	}
	return n
}

// hashOf folds the payloads of a tree in pre-order.
func hashOf(tree *node) kit.Checksum {
	h := kit.NewChecksum()
	walk(tree, &h)
	return h
}

func walk(n *node, h *kit.Checksum) {
	h.Add(n.payload)
	if n.left != nil { // an inner node has both
		walk(n.left, h)
		walk(n.right, h)
	}
}

// hashOfTree makes a tree, folds it and lets it go.
func hashOfTree(seed uint64, depth int) kit.Checksum {
	tree := grow(seed, depth)
	// retire: no one but this call knows the tree
	return hashOf(tree)
}
