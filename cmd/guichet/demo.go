package main

import "context"

type demoCmd struct{}

func (demoCmd) Run(ctx context.Context, t *terminal) error { return nil }
