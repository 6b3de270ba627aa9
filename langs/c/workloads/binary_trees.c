/* Many small objects of one size, linked by pointers: trees are built, walked and released, short-lived ones beside one
 * that lives throughout. Every node is a malloc and a free of its own. */
#include <assert.h>
#include <pthread.h>
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

struct node {
    struct node *left;
    struct node *right;
    uint64_t payload;
};

_Static_assert(sizeof(struct node) == 24, "a node is two references and a payload");

/* A range of the trees of one depth, as one thread works it off: tree j is number first_number + j, its hash hashes[j]. */
struct share {
    uint64_t seed;
    uint64_t depth;
    uint64_t first_number;
    uint64_t begin;
    uint64_t end;
    uint64_t *hashes;
};

struct trees {
    uint64_t seed;
    uint64_t depth;
    uint64_t threads;
    uint64_t *hashes;
    struct share *shares;
    pthread_t *handles;
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

static uint64_t short_lived(uint64_t seed, uint64_t number, uint64_t depth)
{
    struct node *tree = build_number(seed, number, depth);
    const uint64_t hash = walk(tree, CHECKSUM_START);
    release(tree);
    return hash;
}

static void *work_off(void *argument)
{
    const struct share *share = argument;
    for (uint64_t j = share->begin; j < share->end; j++) {
        share->hashes[j] = short_lived(share->seed, share->first_number + j, share->depth);
    }
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
        work_off(trees->shares);
    } else {
        threads_run(trees->threads, trees->handles, work_off, trees->shares, sizeof *trees->shares);
    }
}

static void iterate(void *state)
{
    struct trees *trees = state;
    const uint64_t depth = trees->depth;
    uint64_t checksum = checksum_add(trees->checksum, short_lived(trees->seed, 0, depth + 1));
    struct node *long_lived = build_number(trees->seed, 1, depth);

    uint64_t number = 2;
    for (uint64_t d = LEAST_DEPTH; d <= depth; d += 2) {
        const uint64_t count = trees_at(depth, d);
        work_off_depth(trees, d, number, count);
        for (uint64_t j = 0; j < count; j++) {
            checksum = checksum_add(checksum, trees->hashes[j]);
        }
        number += count;
    }

    trees->checksum = checksum_add(checksum, walk(long_lived, CHECKSUM_START));
    release(long_lived);
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
    const struct result result = {
        .operations = nodes,
        .allocations = nodes,
        .allocated_bytes = sizeof(struct node) * nodes,
        .peak_live_bytes = sizeof(struct node) * (stretch > beside ? stretch : beside),
        .checksum = trees->checksum,
        .counter_count = 1,
        .counters = {{"trees", count}},
    };
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

static const struct variant variants[] = {{.id = "node"}};

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
