// Command guichet is the gateway and its command line: the only wiring, the only
// os.Exit.
//
// In: arguments, GUICHET_… environment, one YAML file. Out: a running gateway, or
// the answer of one as text for people or JSON for machines. Exit status 0 done,
// 1 refused or failed, 2 wrong usage.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"guichet/cmd/guichet/calls"
	"guichet/cmd/guichet/demo"
	"guichet/cmd/guichet/duplicates"
	"guichet/cmd/guichet/flows"
	"guichet/cmd/guichet/harvests"
	"guichet/cmd/guichet/joining"
	"guichet/cmd/guichet/login"
	"guichet/cmd/guichet/reports"
	"guichet/cmd/guichet/search"
	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/cmd/guichet/values"
	"guichet/connectors/sandbox"
	"guichet/gateway/problem"
	"guichet/schemas"
)

// version is set by release builds: -ldflags "-X main.version=…".
var version = "development"

// main is the only os.Exit.
func main() { os.Exit(command()) }

// command is the process: it gives the exit status.
func command() int {
	if sandbox.Main(os.Args) {
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, e := range os.Environ() { // GUICHET_TOKEN_FILE= takes it back, and is no file of that name
		if name, value, _ := strings.Cut(e, "="); value == "" && strings.HasPrefix(name, "GUICHET_") {
			_ = os.Unsetenv(name)
		}
	}
	return execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// grammar is the command line.
type grammar struct {
	JSON   bool   `help:"Answer as JSON."`
	Config string `help:"YAML file with the gateway's settings." type:"path" env:"GUICHET_CONFIG" placeholder:"FILE"`
	Server string `help:"Address of the gateway." env:"GUICHET_SERVER" placeholder:"URL"`
	CA     string `name:"ca" help:"PEM file of certificate authorities to believe beside the system's." type:"existingfile" env:"GUICHET_CA" placeholder:"FILE"`
	Token  string `help:"File with a bearer token; what guichet login keeps when left out." type:"path" env:"GUICHET_TOKEN_FILE" placeholder:"FILE"`
	JobKey string `help:"File of guichet job-key: a job signs for its leases with it, and nobody is signed in." type:"path" env:"GUICHET_JOB_KEY" placeholder:"FILE"`

	Demo  demo.Cmd      `cmd:"" help:"Run the whole story on this machine: needs nothing installed."`
	Init  serve.InitCmd `cmd:"" help:"Make a new gateway's folder: keys, settings, the first operator."`
	Serve serveCmd      `cmd:"" help:"Run the gateway."`
	Login login.Cmd     `cmd:"" help:"Sign in: as a person with a browser, or as a client with a secret."`

	Logout login.OutCmd `cmd:"" help:"Sign out of this machine: remove what login kept, and tell the issuer."`

	Bearer    login.TokenCmd  `cmd:"" name:"token" help:"Print the token of whoever is signed in, for programs that take one."`
	Register  registerCmd     `cmd:"" help:"Register datasets from files: YAML, JSON, JSON-LD, Turtle, RDF/XML."`
	Publish   publishCmd      `cmd:"" help:"Publish a version of a dataset from files of this machine or objects in a store."`
	Change    changeCmd       `cmd:"" help:"Change the description of a dataset; its offer and versions stay."`
	Offer     offerCmd        `cmd:"" help:"Set the terms of a dataset."`
	Withdraw  withdrawCmd     `cmd:"" help:"Withdraw a dataset, one version, a publication, or a request of mine that waits."`
	Search    search.Cmd      `cmd:"" help:"Search datasets of all spaces."`
	Searches  search.SavedCmd `cmd:"" help:"Tell what changed in searches that I saved, open one, or forget it."`
	Show      showCmd         `cmd:"" help:"Show one dataset."`
	Versions  versionsCmd     `cmd:"" help:"List the versions of a dataset, or show where one stands."`
	Values    values.Cmd      `cmd:"" help:"Show how the values of a version's columns are distributed, where its provider lets that be seen."`
	StandIn   standInCmd      `cmd:"" name:"stand-in" help:"Get made-up rows of a dataset's shape, to write a job before a permit comes."`
	Explain   explainCmd      `cmd:"" help:"Would this be allowed? Which rule says so, what would change it?"`
	Request   requestCmd      `cmd:"" help:"Ask for datasets."`
	Requests  requestsCmd     `cmd:"" help:"List requests, mine or that wait for me, or show one."`
	Review    reviewCmd       `cmd:"" help:"Grant or refuse a request that waits for me."`
	Agreement agreementsCmd   `cmd:"" name:"agreements" help:"List agreements, or show one."`
	Revoke    revokeCmd       `cmd:"" help:"End an agreement, a lease, a job key or a staged copy at once."`
	Stop      stopCmd         `cmd:"" help:"Revoke everything of a participant; as a provider: on my datasets (naming myself: everybody's on them)."`
	Unstop    unstopCmd       `cmd:"" help:"Lift an operator's stop."`
	Lease     leaseCmd        `cmd:"" help:"Get a lease, the key to byte doors."`
	NewJobKey jobKeyCmd       `cmd:"" name:"job-key" help:"Make a key with which a job gets leases for weeks, or list them."`
	Check     checkCmd        `cmd:"" help:"Will a job have its data until it ends? Key, agreements and budgets, before it is sent to a queue."`
	Stage     stageCmd        `cmd:"" help:"Keep an agreement's data in a folder, encrypted, for nodes that reach no gateway."`
	Renew     renewCmd        `cmd:"" help:"Open a staged copy for another while, and hand back what was read of it."`
	Unstage   unstageCmd      `cmd:"" help:"Hand back what was read of a staged copy, destroy its key and remove its files."`
	Copies    copiesCmd       `cmd:"" help:"List staged copies: mine, and those of my data."`
	Mount     mountCmd        `cmd:"" help:"Show an agreement's data as read-only files in a folder."`
	Files     filesCmd        `cmd:"" help:"Copy an agreement's objects (images, DICOM, …) into a folder."`
	Exec      execCmd         `cmd:"" help:"Run a command that finds an agreement's data as files in $GUICHET_DATA."`
	Stream    streamCmd       `cmd:"" help:"Stream a rank's part of an agreement's data."`
	Streams   streamsCmd      `cmd:"" help:"List what flows now, or flowed."`

	Throughput flows.ThroughputCmd `cmd:"" help:"Show how much was released, by hours or days."`
	Lineage    flows.LineageCmd    `cmd:"" help:"Show which runs used a dataset, for what, and what came out of them."`

	Join    joining.AskCmd     `cmd:"" help:"Ask to join with your organisation, accept an invitation, or see how it stands."`
	Invite  joining.InviteCmd  `cmd:"" help:"Make an invitation for a colleague."`
	Members joining.MembersCmd `cmd:"" help:"List or remove members of your organisation, and withdraw invitations."`
	Joining joining.Cmd        `cmd:"" help:"As the operator: see who asks to join, confirm or refuse."`

	Participant participantCmd `cmd:"" help:"Add or list participants."`
	Project     projectCmd     `cmd:"" help:"Add or list projects."`
	Call        calls.Cmd      `cmd:"" help:"Calls under which projects run: list them, ask under one, admit or decline."`
	Factory     factoryCmd     `cmd:"" help:"Add or list AI factories."`
	Store       storeCmd       `cmd:"" help:"Add or list stores with the prefixes of providers."`
	Source      harvests.Cmd   `cmd:"" help:"Keep catalogues of others that are harvested."`
	Duplicates  duplicates.Cmd `cmd:"" help:"Show datasets that are the same in several catalogues, or say that two are not."`
	Run         runCmd         `cmd:"" help:"Name a job, tie to it what came out, list them."`

	Audit    auditCmd    `cmd:"" help:"Read, export and verify the record."`
	Report   reports.Cmd `cmd:"" help:"Make reports of the record: uses, permits, training data, processing, a project's dossier, a sample."`
	Settings configCmd   `cmd:"" name:"config" help:"Print the gateway's settings and where each comes from."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	terminal *terminal.Terminal // for what every verb tells
}

// execute is main without the process: it gives the exit status.
func execute(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	g := grammar{Demo: demo.Cmd{Version: version}}
	exit := -1
	k, err := kong.New(&g, kong.Name("guichet"),
		kong.Description("The one counter where AI factories get their training data."), kong.Writers(out, errw),
		kong.Exit(func(code int) { exit = code }), kong.UsageOnError(),
		kong.Vars{"demo_listen": serve.DefaultListen, "demo_flight": serve.DefaultFlightListen},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(errw, "guichet:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := k.Parse(args)
	if exit >= 0 {
		return exit
	}
	t := &terminal.Terminal{In: in, Out: out, Err: errw, JSON: g.JSON || slices.Contains(args, "--json")}
	g.terminal = t
	if err != nil {
		fail(t, misused(err))
		return 2
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(t, &g, session.Opener(g.client), login.Said{Server: g.Server, CA: g.CA, Token: g.Token})
	if err == nil {
		return 0
	}
	if ended, is := errors.AsType[*exec.ExitError](err); is { // a command that was run has said why itself
		if how, is := ended.Sys().(syscall.WaitStatus); is && how.Signaled() {
			return 128 + int(how.Signal()) // as shells say it
		}
		return max(ended.ExitCode(), 1)
	}
	_, told := errors.AsType[*schemas.Error](err)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil && !told {
		fail(t, errors.New("stopped"))
		return 1
	}
	fail(t, err)
	return problem.Table(schemas.KindOf(err)).Exit
}

// fail tells an error: to a person what, why, what to do, each once; to a machine the
// problem document.
func fail(t *terminal.Terminal, err error) {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		e = &schemas.Error{Message: err.Error()}
	}
	message := e.Message
	if message == "" {
		message = err.Error()
	}
	if e.Remedy == "" && e.Kind == schemas.NotFound {
		told := *e
		told.Remedy, e = elsewhere(message, e.Subject), &told
	}
	if t.JSON {
		row := problem.Table(e.Kind)
		_ = t.Encode(
			t.Err,
			"",
			&schemas.Problem{Type: "urn:guichet:problem:" + e.Kind.String(), Title: row.Title, Status: row.HTTP, Detail: message, Subject: e.Subject,
				Errors: e.Fields, Reasons: e.Reasons, Remedy: e.Remedy},
		) // nobody is left to tell
		return
	}
	message = seenLines(message)
	fmt.Fprintln(t.Err, "guichet:", message)
	for _, f := range e.Fields {
		f.Pointer, f.Message = schemas.Visible(f.Pointer), seenLines(f.Message)
		switch {
		case f.Pointer == "" && f.Message != message:
			fmt.Fprintf(t.Err, "  %s\n", f.Message)
		case f.Pointer != "" && f.Message == message:
			fmt.Fprintf(t.Err, "  at %s\n", f.Pointer)
		case f.Pointer != "":
			fmt.Fprintf(t.Err, "  at %s: %s\n", f.Pointer, f.Message)
		}
	}
	for _, r := range e.Reasons {
		r.Rule, r.Source, r.Text = schemas.Visible(r.Rule), schemas.Visible(r.Source), seenLines(r.Text)
		if r.Text == message {
			fmt.Fprintf(t.Err, "  rule %s (%s)\n", r.Rule, r.Source)
			continue
		}
		fmt.Fprintf(t.Err, "  rule %s (%s): %s\n", r.Rule, r.Source, r.Text)
	}
	if e.Remedy != "" {
		fmt.Fprintln(t.Err, "  hint:", seenLines(e.Remedy))
	}
}

// seenLines is schemas.Visible for messages, which may have lines: those of a server came
// without.
func seenLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = schemas.Visible(lines[i])
	}
	return strings.Join(lines, "\n")
}

// versionCmd prints which build this is.
type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(t *terminal.Terminal) error {
	if t.JSON {
		return t.Print(map[string]string{"version": version})
	}
	fmt.Fprintln(t.Out, "guichet", version)
	return nil
}

// serveCmd runs a gateway; its flags go above file and environment.
type serveCmd struct {
	Data          string `help:"Folder of the gateway's state." type:"path" placeholder:"DIR"`
	Listen        string `help:"Address for HTTP; :0 is any free port." placeholder:"ADDR"`
	FlightListen  string `help:"Address for Arrow Flight." placeholder:"ADDR"`
	S3Listen      string `name:"s3-listen" help:"Address of the S3 face; nowhere when left out." placeholder:"ADDR"`
	MetricsListen string `help:"Address where figures are read without a token; nowhere when left out." placeholder:"ADDR"`
	Database      string `help:"sqlite:FILE or postgres://…" placeholder:"URL"`
	LogLevel      string `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error"`
}

// Run serves until a signal comes.
func (v serveCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	path := g.Config
	if path == "" && v.Data != "" {
		path = v.Data + "/guichet.yaml"
	}
	c, err := serve.ReadConfig(path)
	if err != nil {
		return err
	}
	c.Version = version
	c.Flag("data", v.Data)
	c.Flag("listen", v.Listen)
	c.Flag("flight_listen", v.FlightListen)
	c.Flag("s3_listen", v.S3Listen)
	c.Flag("metrics_listen", v.MetricsListen)
	c.Flag("database", v.Database)
	var level slog.Level
	err = level.UnmarshalText([]byte(v.LogLevel))
	if err != nil {
		return fmt.Errorf("read the log level: %w", err)
	}
	log := slog.New(slog.NewJSONHandler(t.Err, &slog.HandlerOptions{Level: level}))
	return serve.Run(ctx, c, log, func(a serve.Addresses) error {
		if t.JSON {
			return json.NewEncoder(t.Out).Encode(a)
		}
		face := ""
		if a.S3 != "" {
			face = ", S3 at " + a.S3
		}
		_, err := fmt.Fprintf(t.Out, "guichet answers at %s, Flight at %s%s\n", a.HTTP, a.Flight, face)
		return err
	})
}

// configCmd prints what a gateway would run with.
type configCmd struct {
	Explain bool `help:"Say where each setting comes from."`
}

// Run prints the settings.
func (v configCmd) Run(t *terminal.Terminal, g *grammar) error {
	c, err := serve.ReadConfig(g.Config)
	if err != nil {
		return err
	}
	return c.Show(t, v.Explain)
}
