package workloads

import (
	"sync"
	"sync/atomic"

	"memverdict/langs/go/kit"
)

// Binary trees: many small objects of one size, linked by pointers, dying a tree at a time beside one tree that stays.
// Nodes are objects of their own, or lie in the chunks of a region and are linked by their numbers.
func init() {
	kit.Register(kit.Workload{
		ID:         "binary_trees",
		Parameters: []kit.Parameter{{Name: "depth", Most: maxTreeDepth}, {Name: "threads", Least: 1, Most: maxThreads}},
		Variants: []kit.Variant{
			{ID: "node", Setup: func(run *kit.Run) kit.State { return newBinaryTrees(run, nodeTrees{}) }},
			{ID: "arena", Setup: func(run *kit.Run) kit.State { return newBinaryTrees(run, &regionTrees{}) }},
		},
	})
}

const (
	minDepth  = 4
	nodeBytes = 24

	// maxTreeDepth keeps the numbers of a region's nodes, one level more in the stretch tree, within 32 bits.
	maxTreeDepth = 30
)

// treeMaker is how trees are made, and with what each of them goes.
type treeMaker interface {
	// keep makes a tree that lives until the function it returns has told its hash.
	keep(seed uint64, depth int) func() kit.Checksum
	// hashRange stores the hashes of trees that live one after the other; their seeds count on from seed.
	hashRange(seed uint64, depth int, hashes []kit.Checksum)
	// counters are those that there are beside the number of trees.
	counters() []kit.Counter
}

type node struct {
	left, right *node
	payload     uint64
}

type binaryTrees struct {
	maker    treeMaker
	seed     uint64
	depth    int
	threads  int
	hashes   []kit.Checksum // of the short-lived trees of one depth
	checksum kit.Checksum
}

func newBinaryTrees(run *kit.Run, maker treeMaker) *binaryTrees {
	depth := run.Int("depth")
	return &binaryTrees{
		maker:    maker,
		seed:     run.Seed,
		depth:    depth,
		threads:  run.Int("threads"),
		hashes:   make([]kit.Checksum, treesAt(minDepth, depth)),
		checksum: kit.NewChecksum(),
	}
}

func (b *binaryTrees) Iterate() {
	stretch := b.maker.keep(b.seed, b.depth+1)
	b.checksum.Add(uint64(stretch()))

	longLived := b.maker.keep(b.seed+1, b.depth)

	number := uint64(2)
	for d := minDepth; d <= b.depth; d += 2 {
		n := treesAt(d, b.depth)
		b.shortLived(number, d, b.hashes[:n])
		for _, hash := range b.hashes[:n] {
			b.checksum.Add(uint64(hash))
		}
		number += uint64(n)
	}

	b.checksum.Add(uint64(longLived()))
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
		Counters:       append([]kit.Counter{{Name: "trees", Value: trees}}, b.maker.counters()...),
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
		b.maker.hashRange(b.seed+number, depth, hashes)
		return
	}
	var threads sync.WaitGroup
	for t := range b.threads {
		low, high := t*len(hashes)/b.threads, (t+1)*len(hashes)/b.threads
		threads.Add(1)
		go func() {
			defer threads.Done()
			b.maker.hashRange(b.seed+number+uint64(low), depth, hashes[low:high])
		}()
	}
	threads.Wait()
}

// nodeTrees are trees whose nodes are objects.
type nodeTrees struct{}

func (nodeTrees) keep(seed uint64, depth int) func() kit.Checksum {
	tree := grow(seed, depth)
	return func() kit.Checksum { return hashOf(tree) }
}

func (nodeTrees) hashRange(seed uint64, depth int, hashes []kit.Checksum) {
	for j := range hashes {
		hashes[j] = hashOfTree(seed+uint64(j), depth)
	}
}

func (nodeTrees) counters() []kit.Counter { return nil }

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

// regionTrees are trees in regions: one for each tree that is kept, one for all trees of a range.
type regionTrees struct {
	chunks atomic.Uint64 // of all regions
}

func (t *regionTrees) keep(seed uint64, depth int) func() kit.Checksum {
	region := newRegion(depth)
	root := region.grow(seed, depth)
	t.chunks.Add(uint64(len(region.chunks)))
	return func() kit.Checksum { return region.hashOf(root) }
}

func (t *regionTrees) hashRange(seed uint64, depth int, hashes []kit.Checksum) {
	region := newRegion(depth)
	for j := range hashes {
		hashes[j] = region.hashOf(region.grow(seed+uint64(j), depth))
		region.empty()
	}
	t.chunks.Add(uint64(len(region.chunks)))
}

func (t *regionTrees) counters() []kit.Counter {
	return []kit.Counter{{Name: "chunks", Value: t.chunks.Load()}}
}

const chunkNodes = 4096

// numberedNode has the numbers of its children in the region. A tree begins with its root, so that no child has the
// number 0, and a leaf's links are 0.
type numberedNode struct {
	left, right uint32
	payload     uint64
}

// region hands out nodes one after the other and forgets them together. There is no pointer in a chunk, so that no
// collection looks into it.
type region struct {
	chunks []*[chunkNodes]numberedNode
	used   uint32
}

func newRegion(depth int) *region {
	return &region{chunks: make([]*[chunkNodes]numberedNode, 0, (nodesOf(depth)+chunkNodes-1)/chunkNodes)}
}

func (r *region) node(number uint32) *numberedNode {
	return &r.chunks[number/chunkNodes][number%chunkNodes]
}

func (r *region) grow(seed uint64, depth int) uint32 {
	rng := kit.NewRNG(seed)
	return r.build(&rng, depth)
}

func (r *region) build(rng *kit.RNG, depth int) uint32 {
	if int(r.used) == len(r.chunks)*chunkNodes {
		r.chunks = append(r.chunks, new([chunkNodes]numberedNode))
	}
	// allocate: the next node of the region
	number := r.used
	n := r.node(number)
	r.used++
	// touch: the payload and both links, which are a former node's
	n.payload = rng.Next()
	n.left, n.right = 0, 0
	if depth > 0 {
		n.left = r.build(rng, depth-1)
		n.right = r.build(rng, depth-1)
	}
	return number
}

func (r *region) empty() {
	// retire: all nodes at once; the chunks stay for the next tree
	r.used = 0
}

func (r *region) hashOf(root uint32) kit.Checksum {
	h := kit.NewChecksum()
	r.walk(root, &h)
	return h
}

func (r *region) walk(number uint32, h *kit.Checksum) {
	n := r.node(number)
	h.Add(n.payload)
	if n.left != 0 {
		r.walk(n.left, h)
		r.walk(n.right, h)
	}
}
