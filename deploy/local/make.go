package main

import (
	"context"
	"fmt"
	"time"

	"guichet/deploy/local/maker"
)

type makeCmd struct {
	Out  string `required:"" type:"path" help:"Directory to write to; files in it are overwritten."`
	MiB  int    `name:"mib" default:"200" help:"Size of all shards together, in MiB, about."`
	Seed uint64 `default:"1" help:"The same seed and size give the same bytes."`
}

// Run makes the data and says how much.
func (c *makeCmd) Run(ctx context.Context, io streams) error {
	begun := time.Now()
	made, err := maker.Make(ctx, maker.Config{Out: c.Out, MiB: c.MiB, Seed: c.Seed})
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "%d datasets, %d shards, %.1f MiB in %.1f s\n",
		made.Datasets, made.Shards, float64(made.Bytes)/(1<<20), time.Since(begun).Seconds())
	return nil
}
