// Package queue keeps jobs until somebody has time for them.
package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrClosed is returned once the queue takes no more jobs.
var ErrClosed = errors.New("queue: closed")

// Job is one piece of work.
type Job struct {
	ID       string
	Payload  []byte
	Attempts int
	NotUntil time.Time
}

// Queue is safe for several goroutines.
type Queue struct {
	mu     sync.Mutex
	jobs   []Job
	closed bool
	wake   chan struct{}
}

// New makes an empty queue.
func New() *Queue {
	return &Queue{wake: make(chan struct{}, 1)}
}

// Push adds a job at the end.
func (q *Queue) Push(job Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.jobs = append(q.jobs, job)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// Pop waits for a job that is due.
func (q *Queue) Pop(ctx context.Context, now func() time.Time) (Job, error) {
	for {
		if job, ok := q.take(now()); ok {
			return job, nil
		}
		select {
		case <-ctx.Done():
			return Job{}, fmt.Errorf("pop: %w", ctx.Err())
		case <-q.wake:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (q *Queue) take(now time.Time) (Job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, job := range q.jobs {
		if job.NotUntil.After(now) {
			continue
		}
		q.jobs = append(q.jobs[:i], q.jobs[i+1:]...)
		job.Attempts++
		return job, true
	}
	return Job{}, false
}

// Retry puts a job back - later with each attempt.
func (q *Queue) Retry(job Job, now time.Time) error {
	if job.Attempts > 5 {
		return fmt.Errorf("job %q failed %d times", job.ID, job.Attempts)
	}
	wait := time.Duration(1<<job.Attempts) * time.Second
	job.NotUntil = now.Add(wait)
	return q.Push(job)
}

// Close refuses further jobs; those that wait can still be taken.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
}

// Len says how many jobs wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	count := len(q.jobs)
	q.mu.Unlock()
	return count
}
