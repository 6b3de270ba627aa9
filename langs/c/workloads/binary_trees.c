/* Many small objects of one size, linked by pointers: trees are built, walked and released, short-lived ones beside one
 * that lives throughout. Every node is a malloc and a free of its own, or a piece of a region that forgets all of its
 * nodes at once. */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/compiler.h"
#include "kit/rng.h"
#include "kit/threads.h"
#include "kit/workload.h"

/* The shallowest short-lived trees; deeper ones follow in steps of two. */
#define LEAST_DEPTH 4

/* Bounds that keep every count, and the split of a range over threads, within 64 bits. */
#define MOST_DEPTH 48
#define MOST_THREADS 32768

/* How many nodes a region asks for at a time. */
#define CHUNK_NODES 4096

struct node {
    struct node *left;
    struct node *right;
    uint64_t payload;
};

_Static_assert(sizeof(struct node) == 24, "a node is two references and a payload");

struct chunk {
    struct chunk *next;
    struct node nodes[CHUNK_NODES];
};

/* Nodes in chunks, handed out one after the other and forgotten together. All zero, it is empty and has no chunks. */
struct region {
    struct chunk *first;
    struct chunk *current; /* the chunk that `next` and `end` are about; NULL where no node is in use */
    struct node *next;
    struct node *end;
    uint64_t chunks;
};

/* A range of the trees of one depth, as one thread works it off: tree j is number first_number + j, its hash hashes[j].
 * `chunks` are those that it took to hold them. */
struct share {
    uint64_t seed;
    uint64_t depth;
    uint64_t first_number;
    uint64_t begin;
    uint64_t end;
    uint64_t *hashes;
    uint64_t chunks;
};

/* One tree by itself, wherever its nodes are. */
struct tree {
    struct node *root;
    struct region region;
};

/* One variant: how trees are made, and how they go. */
struct way {
    struct tree (*grow)(uint64_t seed, uint64_t number, uint64_t depth);
    void (*release)(struct tree *tree);
    void *(*work_off)(void *share);
    bool in_regions;
};

struct trees {
    const struct way *way;
    uint64_t seed;
    uint64_t depth;
    uint64_t threads;
    uint64_t *hashes;
    struct share *shares;
    pthread_t *handles;
    uint64_t chunks;
    uint64_t checksum;
};

/* How many short-lived trees of depth d there are beside a long-lived one of depth `depth`. */
static uint64_t trees_at(uint64_t depth, uint64_t d)
{
    assert(depth <= MOST_DEPTH);
    return UINT64_C(1) << (depth - d + LEAST_DEPTH);
}

static uint64_t nodes_of(uint64_t depth)
{
    return (UINT64_C(2) << depth) - 1;
}

static void *setup(const struct run *run)
{
    struct trees *trees = allocate(sizeof *trees);
    const uint64_t depth = run_parameter(run, "depth");
    const uint64_t threads = run_parameter(run, "threads");
    *trees = (struct trees){
        .way = run->variant->detail,
        .seed = run->seed,
        .depth = depth,
        .threads = threads,
        .hashes = allocate_zeroed(trees_at(depth, LEAST_DEPTH), sizeof *trees->hashes),
        .shares = allocate_zeroed(threads, sizeof *trees->shares),
        .handles = allocate_zeroed(threads, sizeof *trees->handles),
        .checksum = CHECKSUM_START,
    };
    return trees;
}

static struct node *build(struct rng *rng, uint64_t depth)
{
    // allocate: one node per call
    struct node *node = allocate(sizeof *node);
    // touch: the payload, drawn before the children's, and both links
    node->payload = rng_next(rng);
    node->left = depth > 0 ? build(rng, depth - 1) : NULL;
    node->right = depth > 0 ? build(rng, depth - 1) : NULL;
    keep(node);
    return node;
}

static struct node *build_number(uint64_t seed, uint64_t number, uint64_t depth)
{
    struct rng rng = rng_seeded(seed + number);
    return build(&rng, depth);
}

/* Folds the payloads in pre-order. */
static uint64_t walk(const struct node *node, uint64_t hash)
{
    hash = checksum_add(hash, node->payload);
    if (node->left != NULL) {
        hash = walk(node->left, hash);
        hash = walk(node->right, hash);
    }
    return hash;
}

// retire: a tree is released as soon as it has been walked, children first
static void release(struct node *node)
{
    if (node->left != NULL) {
        release(node->left);
        release(node->right);
    }
    free(node);
}

static struct tree grow_nodes(uint64_t seed, uint64_t number, uint64_t depth)
{
    return (struct tree){.root = build_number(seed, number, depth)};
}

static void release_nodes(struct tree *tree)
{
    release(tree->root);
}

static uint64_t short_lived(uint64_t seed, uint64_t number, uint64_t depth)
{
    struct node *tree = build_number(seed, number, depth);
    const uint64_t hash = walk(tree, CHECKSUM_START);
    release(tree);
    return hash;
}

static void *work_off_nodes(void *argument)
{
    const struct share *share = argument;
    for (uint64_t j = share->begin; j < share->end; j++) {
        share->hashes[j] = short_lived(share->seed, share->first_number + j, share->depth);
    }
    return NULL;
}

/* Makes the first node of the next chunk the next one of the region: of a chunk that it has, or of a new one. */
static void region_advance(struct region *region)
{
    struct chunk **link = region->current == NULL ? &region->first : &region->current->next;
    if (*link == NULL) {
        *link = allocate(sizeof **link);
        (*link)->next = NULL;
        region->chunks++;
    }
    region->current = *link;
    region->next = region->current->nodes;
    region->end = region->next + CHUNK_NODES;
}

static struct node *build_in(struct region *region, struct rng *rng, uint64_t depth)
{
    if (region->next == region->end) {
        region_advance(region);
    }
    // allocate: the next node of the region
    struct node *node = region->next++;
    // touch: the payload, drawn before the children's, and both links
    node->payload = rng_next(rng);
    node->left = depth > 0 ? build_in(region, rng, depth - 1) : NULL;
    node->right = depth > 0 ? build_in(region, rng, depth - 1) : NULL;
    keep(node);
    return node;
}

static void region_empty(struct region *region)
{
    // retire: all nodes at once; the chunks stay for the next tree
    region->current = NULL;
    region->next = NULL;
    region->end = NULL;
}

static void region_release(struct region *region)
{
    for (struct chunk *chunk = region->first; chunk != NULL;) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

static struct tree grow_region(uint64_t seed, uint64_t number, uint64_t depth)
{
    struct tree tree = {0};
    struct rng rng = rng_seeded(seed + number);
    tree.root = build_in(&tree.region, &rng, depth);
    return tree;
}

static void release_region(struct tree *tree)
{
    region_release(&tree->region);
}

static void *work_off_region(void *argument)
{
    struct share *share = argument;
    struct region region = {0};
    for (uint64_t j = share->begin; j < share->end; j++) {
        struct rng rng = rng_seeded(share->seed + share->first_number + j);
        share->hashes[j] = walk(build_in(&region, &rng, share->depth), CHECKSUM_START);
        region_empty(&region);
    }
    region_release(&region);
    share->chunks = region.chunks;
    return NULL;
}

/* All trees of one depth into the hashes, over one contiguous range per thread. */
static void work_off_depth(struct trees *trees, uint64_t depth, uint64_t first_number, uint64_t count)
{
    for (uint64_t t = 0; t < trees->threads; t++) {
        trees->shares[t] = (struct share){
            .seed = trees->seed,
            .depth = depth,
            .first_number = first_number,
            .begin = t * count / trees->threads,
            .end = (t + 1) * count / trees->threads,
            .hashes = trees->hashes,
        };
    }
    if (trees->threads == 1) {
        trees->way->work_off(trees->shares);
    } else {
        threads_run(trees->threads, trees->handles, trees->way->work_off, trees->shares, sizeof *trees->shares);
    }
    for (uint64_t t = 0; t < trees->threads; t++) {
        trees->chunks += trees->shares[t].chunks;
    }
}

/* The hash of a tree that is released with it. */
static uint64_t finish(struct trees *trees, struct tree *tree)
{
    const uint64_t hash = walk(tree->root, CHECKSUM_START);
    trees->chunks += tree->region.chunks;
    trees->way->release(tree);
    return hash;
}

static void iterate(void *state)
{
    struct trees *trees = state;
    const uint64_t depth = trees->depth;
    struct tree stretch = trees->way->grow(trees->seed, 0, depth + 1);
    uint64_t checksum = checksum_add(trees->checksum, finish(trees, &stretch));
    struct tree long_lived = trees->way->grow(trees->seed, 1, depth);

    uint64_t number = 2;
    for (uint64_t d = LEAST_DEPTH; d <= depth; d += 2) {
        const uint64_t count = trees_at(depth, d);
        work_off_depth(trees, d, number, count);
        for (uint64_t j = 0; j < count; j++) {
            checksum = checksum_add(checksum, trees->hashes[j]);
        }
        number += count;
    }

    trees->checksum = checksum_add(checksum, finish(trees, &long_lived));
}

static struct result teardown(void *state)
{
    struct trees *trees = state;
    const uint64_t depth = trees->depth;
    uint64_t count = 2;
    uint64_t nodes = nodes_of(depth + 1) + nodes_of(depth);
    for (uint64_t d = LEAST_DEPTH; d <= depth; d += 2) {
        count += trees_at(depth, d);
        nodes += trees_at(depth, d) * nodes_of(d);
    }
    const uint64_t stretch = nodes_of(depth + 1);
    const uint64_t beside = nodes_of(depth) * (1 + trees->threads);
    struct result result = {
        .operations = nodes,
        .allocations = nodes,
        .allocated_bytes = sizeof(struct node) * nodes,
        .peak_live_bytes = sizeof(struct node) * (stretch > beside ? stretch : beside),
        .checksum = trees->checksum,
        .counter_count = 1,
        .counters = {{"trees", count}},
    };
    if (trees->way->in_regions) {
        result.counters[result.counter_count++] = (struct counter){"chunks", trees->chunks};
    }
    free(trees->handles);
    free(trees->shares);
    free(trees->hashes);
    free(trees);
    return result;
}

static const struct parameter parameters[] = {
    {.name = "depth", .most = MOST_DEPTH},
    {.name = "threads", .least = 1, .most = MOST_THREADS},
};

static const struct variant variants[] = {
    {.id = "node",
     .detail = &(const struct way){.grow = grow_nodes, .release = release_nodes, .work_off = work_off_nodes}},
    {.id = "arena",
     .detail =
         &(const struct way){
             .grow = grow_region,
             .release = release_region,
             .work_off = work_off_region,
             .in_regions = true,
         }},
};

WORKLOAD(
    .id = "binary_trees",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown
);
