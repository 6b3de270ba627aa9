/* After GCBench: trees that are populated from the top, so that old nodes come to refer to young ones, and trees put
 * together from the bottom, beside a tree and an array that stay. Every node is a malloc and a free of its own. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "kit/allocate.h"
#include "kit/checksum.h"
#include "kit/compiler.h"
#include "kit/rng.h"
#include "kit/workload.h"

/* The shallowest short-lived trees; deeper ones follow in steps of two. */
#define LEAST_DEPTH 4

/* Bounds that keep every count within 64 bits. */
#define MOST_DEPTH 48
#define MOST_DOUBLES (UINT64_C(1) << 40)

/* So many bits of a draw make an integer that a double holds exactly. */
#define EXACT_SHIFT 11

struct node {
    struct node *left;
    struct node *right;
    uint64_t payload;
};

_Static_assert(sizeof(struct node) == 24, "a node is two references and a payload");
_Static_assert(sizeof(double) == 8, "a double is a word");

struct bench {
    uint64_t seed;
    uint64_t depth;
    uint64_t length; /* of the array */
    uint64_t checksum;
};

enum direction { TOP_DOWN, BOTTOM_UP };

/* How many short-lived trees of depth d each direction builds beside a long-lived one of depth `depth`. */
static uint64_t trees_at(uint64_t depth, uint64_t d)
{
    assert(depth <= MOST_DEPTH);
    return UINT64_C(1) << (depth - d + 3);
}

static uint64_t nodes_of(uint64_t depth)
{
    return (UINT64_C(2) << depth) - 1;
}

static void *setup(const struct run *run)
{
    struct bench *bench = allocate(sizeof *bench);
    *bench = (struct bench){
        .seed = run->seed,
        .depth = run_parameter(run, "depth"),
        .length = run_parameter(run, "array"),
        .checksum = CHECKSUM_START,
    };
    return bench;
}

static struct node *new_node(struct rng *rng, struct node *left, struct node *right)
{
    // allocate: one node
    struct node *node = allocate(sizeof *node);
    // touch: the payload and both links
    *node = (struct node){.left = left, .right = right, .payload = rng_next(rng)};
    keep(node);
    return node;
}

static void populate(struct node *node, struct rng *rng, uint64_t depth)
{
    if (depth > 0) {
        // publish: two new nodes, in one that is older
        node->left = new_node(rng, NULL, NULL);
        node->right = new_node(rng, NULL, NULL);
        populate(node->left, rng, depth - 1);
        populate(node->right, rng, depth - 1);
    }
}

static struct node *top_down(struct rng *rng, uint64_t depth)
{
    struct node *root = new_node(rng, NULL, NULL);
    populate(root, rng, depth);
    return root;
}

static struct node *bottom_up(struct rng *rng, uint64_t depth)
{
    struct node *left = depth > 0 ? bottom_up(rng, depth - 1) : NULL;
    struct node *right = depth > 0 ? bottom_up(rng, depth - 1) : NULL;
    return new_node(rng, left, right);
}

static struct node *build(enum direction direction, uint64_t seed, uint64_t number, uint64_t depth)
{
    struct rng rng = rng_seeded(seed + number);
    return direction == TOP_DOWN ? top_down(&rng, depth) : bottom_up(&rng, depth);
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

static void release(struct node *node)
{
    if (node->left != NULL) {
        release(node->left);
        release(node->right);
    }
    free(node);
}

static double *new_array(uint64_t seed, uint64_t length)
{
    struct rng rng = rng_seeded(seed);
    // allocate: the array
    double *array = allocate(length * sizeof *array);
    // touch: every element
    for (uint64_t i = 0; i < length; i++) {
        array[i] = (double)(rng_next(&rng) >> EXACT_SHIFT);
    }
    keep(array);
    return array;
}

/* Folds the hashes of `count` trees built in one direction, each gone before the next is built. */
static void short_lived(struct bench *bench, enum direction direction, uint64_t first_number, uint64_t count,
    uint64_t depth)
{
    for (uint64_t j = 0; j < count; j++) {
        struct node *tree = build(direction, bench->seed, first_number + j, depth);
        bench->checksum = checksum_add(bench->checksum, walk(tree, CHECKSUM_START));
        // retire: the tree has been hashed
        release(tree);
    }
}

static void iterate(void *state)
{
    struct bench *bench = state;
    struct node *long_lived = build(TOP_DOWN, bench->seed, 0, bench->depth);
    const uint64_t length = bench->length;
    double *array = new_array(bench->seed + 1, length);

    uint64_t number = 2;
    for (uint64_t d = LEAST_DEPTH; d <= bench->depth; d += 2) {
        const uint64_t count = trees_at(bench->depth, d);
        short_lived(bench, TOP_DOWN, number, count, d);
        short_lived(bench, BOTTOM_UP, number + count, count, d);
        number += 2 * count;
    }

    bench->checksum = checksum_add(bench->checksum, walk(long_lived, CHECKSUM_START));
    for (uint64_t i = 0; i < length; i++) {
        bench->checksum = checksum_add(bench->checksum, (uint64_t)array[i]);
    }
    // retire: what was kept throughout
    free(array);
    release(long_lived);
}

static struct result teardown(void *state)
{
    struct bench *bench = state;
    uint64_t nodes = nodes_of(bench->depth);
    uint64_t largest = 0;
    for (uint64_t d = LEAST_DEPTH; d <= bench->depth; d += 2) {
        nodes += 2 * trees_at(bench->depth, d) * nodes_of(d);
        largest = nodes_of(d);
    }
    const uint64_t array_bytes = bench->length * sizeof(double);
    const struct result result = {
        .operations = nodes,
        .allocations = nodes + 1,
        .allocated_bytes = nodes * sizeof(struct node) + array_bytes,
        .peak_live_bytes = (nodes_of(bench->depth) + largest) * sizeof(struct node) + array_bytes,
        .checksum = bench->checksum,
    };
    free(bench);
    return result;
}

static const struct parameter parameters[] = {
    {.name = "depth", .most = MOST_DEPTH},
    {.name = "array", .least = 1, .most = MOST_DOUBLES},
};

static const struct variant variants[] = {{.id = "node"}};

WORKLOAD(
    .id = "gcbench",
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .variants = variants,
    .variant_count = COUNT_OF(variants),
    .setup = setup,
    .iterate = iterate,
    .teardown = teardown
);
