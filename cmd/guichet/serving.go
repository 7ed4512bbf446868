package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/terminal"
)

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
