// Package flows is the command line's words on what was released over time, and on what came of it.
//
// In: what somebody typed. Out: a table of hours or days, or of the runs that used a dataset, as the gateway has them.
// Always: what a person wrote is shown with what hides in it; what is only known at most stands apart. It must not add
// up what the gateway did not.
package flows

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/policy/agreement/throughput"
	"guichet/schemas"
)

type (
	// ThroughputCmd shows how much was released, by hours or days.
	ThroughputCmd struct {
		Dataset   string      `help:"Of this dataset." placeholder:"ID"`
		Agreement string      `help:"Under this agreement." placeholder:"ID"`
		Project   string      `help:"To this project." placeholder:"ID"`
		RunID     string      `name:"run" help:"In this run." placeholder:"ID"`
		Provider  string      `help:"Of the datasets of this participant." placeholder:"ID"`
		From      args.Moment `help:"From this instant or day on; thirty days before --to when left out." placeholder:"TIME"`
		To        args.Moment `help:"Before this instant or day; now when left out." placeholder:"TIME"`
	}
	// LineageCmd shows which runs used something, and what came out of them.
	LineageCmd struct {
		Dataset   string `help:"Of this dataset." placeholder:"ID" required:"" xor:"of"`
		Agreement string `help:"Under this agreement." placeholder:"ID" required:"" xor:"of"`
		RunID     string `name:"run" help:"Of this run." placeholder:"ID" required:"" xor:"of"`
		Limit     int    `help:"How many uses, the newest; further ones are counted." default:"12"`
	}
)

// Run asks the gateway.
func (v ThroughputCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var out throughput.Throughput
	err = c.Get(ctx, "/throughput"+client.Query("dataset", v.Dataset, "agreement", v.Agreement, "project", v.Project, "run", v.RunID,
		"provider", v.Provider, "from", v.From.Query(), "to", v.To.Query()), &out)
	if err != nil {
		return err
	}
	return showThroughput(t, &out)
}

// showThroughput tells the bins in which something ended, and their sum.
func showThroughput(t *terminal.Terminal, x *throughput.Throughput) error {
	if t.JSON {
		return t.Print(x)
	}
	layout := "2006-01-02"
	if x.By == "hour" {
		layout = "2006-01-02 15:04"
	}
	var some []throughput.Interval
	var sum, most throughput.Flow
	for _, b := range x.Bins {
		if b.Streams == 0 && b.AtMost == nil {
			continue
		}
		some = append(some, b)
		add(&sum, b.Flow)
		if b.AtMost != nil {
			add(&most, *b.AtMost)
		}
	}
	period := fmt.Sprintf("from %s to %s UTC", x.From.UTC().Format(layout), x.To.UTC().Format(layout))
	err := terminal.ListOr(t, some, "nothing was released "+period, strings.ToUpper(x.By)+"\tSTREAMS\tROWS\tSIZE\tAT MOST BESIDE",
		func(b throughput.Interval) []string {
			return append([]string{b.From.UTC().Format(layout)}, amounts(b.Flow, b.AtMost)...)
		})
	if err != nil || len(some) == 0 {
		return err
	}
	fmt.Fprintf(t.Out, "%s: %s, %s, %s", period, terminal.Plural(sum.Streams, "stream", "streams"), terminal.Plural(sum.Rows, "row", "rows"),
		terminal.Size(sum.Bytes))
	if most.Streams > 0 {
		fmt.Fprintf(t.Out, "; beside that at most %s", atMost(&most))
	}
	fmt.Fprintf(t.Out, "\n%s\n", x.Note)
	return nil
}

func add(sum *throughput.Flow, f throughput.Flow) {
	sum.Streams, sum.Rows, sum.Bytes = sum.Streams+f.Streams, sum.Rows+f.Rows, sum.Bytes+f.Bytes
}

// amounts are the columns of what was sent.
func amounts(f throughput.Flow, most *throughput.Flow) []string {
	return []string{terminal.Count(f.Streams), terminal.Count(f.Rows), terminal.Size(f.Bytes), atMost(most)}
}

func atMost(f *throughput.Flow) string {
	if f == nil {
		return "–"
	}
	return fmt.Sprintf("%s, %s", terminal.Plural(f.Rows, "row", "rows"), terminal.Size(f.Bytes))
}

// Run asks the gateway.
func (v LineageCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var out throughput.Lineage
	err = c.Get(ctx, "/lineage"+client.Query("dataset", v.Dataset, "agreement", v.Agreement, "run", v.RunID,
		"limit", strconv.Itoa(v.Limit)), &out)
	if err != nil {
		return err
	}
	return showLineage(t, &out)
}

// showLineage tells each use, from the dataset to what came out.
func showLineage(t *terminal.Terminal, x *throughput.Lineage) error {
	if t.JSON {
		return t.Print(x)
	}
	err := terminal.ListOr(t, x.Uses, "no run used it yet", "DATASET\tAGREEMENT\tPURPOSE\tPROJECT\tRUN\tROWS\tSIZE\tLAST\tOUTPUTS",
		func(u throughput.Use) []string {
			return []string{string(u.Dataset), string(u.Agreement), u.Purpose, string(u.Project), string(u.Run), terminal.Count(u.Rows),
				terminal.Size(u.Bytes), terminal.Day(u.Last), outputs(&u)}
		})
	if err == nil && x.LeftOut > 0 {
		fmt.Fprintf(t.Out, "and %s\n", terminal.Plural(x.LeftOut, "older use", "older uses"))
	}
	return err
}

// outputs are what came out of a run, for who may read it.
func outputs(u *throughput.Use) string {
	if !u.MayRead {
		return "(not told)"
	}
	var out []string
	for _, o := range u.Outputs {
		out = append(out, o.Kind+" "+schemas.Visible(o.Name))
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, ", ")
}
