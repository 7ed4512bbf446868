// Command guichet-local is what a production site brings itself, on one
// machine, for demo and tests: an S3 server, two OpenID issuers, and a maker of
// realistic data. Flags flow in; a running rig, or files, flow out. It always
// holds that it listens on loopback only and imports nothing of the gateway.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	stdout := os.Stdout
	os.Stdout = os.Stderr // versitygw prints there; ours is for answers
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "guichet-local:", err)
		os.Exit(1)
	}
}

// streams are the process's own, so that tests may give others.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

type grammar struct {
	Serve serveCmd `cmd:"" help:"Run the S3 server and the two issuers until told to stop."`
	Make  makeCmd  `cmd:"" help:"Make realistic data: the same bytes for the same seed."`
	Load  loadCmd  `cmd:"" help:"Send what make wrote to the S3 server; what is there stays."`
}

// run parses args and runs the verb they name. It ends when ctx does.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var g grammar
	exited := -1
	parser, err := kong.New(&g,
		kong.Name("guichet-local"),
		kong.Description("A store, two issuers and data, on loopback, for demo and tests of Guichet."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{stdin, stdout, stderr}))
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if exited == 0 { // help was asked for and printed
		return nil
	}
	if err != nil {
		return err
	}
	return parsed.Run()
}
