/* A ring buffer of bytes for one reader and one writer. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"

struct ring {
	size_t capacity;
	_Atomic size_t head;
	_Atomic size_t tail;
	unsigned char *bytes;
};

struct ring *ring_new(size_t capacity)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->bytes = malloc(capacity);
	if (!ring->bytes) {
		free(ring);
		return NULL;
	}
	ring->capacity = capacity;
	return ring;
}

void ring_free(struct ring *ring)
{
	if (ring) {
		free(ring->bytes);
		free(ring);
	}
}

size_t ring_used(const struct ring *ring)
{
	size_t head = atomic_load(&ring->head);
	size_t tail = atomic_load(&ring->tail);

	return head - tail;
}

/* Writes all of the bytes or none -- a short write can't happen. */
int ring_write(struct ring *ring, const void *data, size_t size)
{
	size_t head = atomic_load(&ring->head);
	size_t at = head % ring->capacity;
	size_t first = ring->capacity - at;

	if (size > ring->capacity - ring_used(ring))
		return -ENOSPC;
	if (first > size)
		first = size;
	memcpy(ring->bytes + at, data, first);
	memcpy(ring->bytes, (const char *)data + first, size - first);
	atomic_store(&ring->head, head + size);
	return 0;
}

int ring_read(struct ring *ring, void *data, size_t size)
{
	size_t tail = atomic_load(&ring->tail);
	size_t at = tail % ring->capacity;
	size_t chunk = ring->capacity - at;

	if (size > ring_used(ring))
		return -EAGAIN;
	if (chunk > size)
		chunk = size;
	memcpy(data, ring->bytes + at, chunk);
	memcpy((char *)data + chunk, ring->bytes, size - chunk);
	atomic_store(&ring->tail, tail + size);
	return 0;
}

const char *ring_error(int code)
{
	switch (code) {
	case 0:
		return "ok";
	case -ENOSPC:
		return "the ring is \"full\"";
	case -EAGAIN:
		return "not enough to read";
	default:
		return strerror(-code);
	}
}
