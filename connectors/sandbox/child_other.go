//go:build !unix

package sandbox

import (
	"context"
	"errors"
	"os"
)

// child needs sockets that pass files, which this system has not.
type child struct {
	err    error
	stderr capped
}

var errSystem = errors.New("start the reading process: this system cannot pass it files")

func (r *Runner) start() (*child, error) { return nil, errSystem }

func (c *child) do(context.Context, job, *os.File, *os.File) (answer, error) {
	return answer{}, errSystem
}

func (c *child) kill() {}

func jobs(func(j job, in, out *os.File) answer) error { return errSystem }
