package serve

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/catalog"
	"guichet/catalog/duplicates"
	"guichet/catalog/harvest"
	"guichet/catalog/index"
	"guichet/catalog/publish"
	"guichet/cmd/guichet/files"
	"guichet/connectors/db"
	"guichet/connectors/fetch"
	"guichet/connectors/s3"
	"guichet/connectors/sandbox"
	"guichet/connectors/trust"
	"guichet/gateway"
	"guichet/gateway/api"
	"guichet/gateway/auth"
	"guichet/gateway/stream"
	"guichet/gateway/web/signin"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/refusal"
	"guichet/policy/agreement/release"
	"guichet/policy/agreement/request"
	"guichet/policy/agreement/run"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/terms"
	"guichet/policy/audit"
	"guichet/policy/notice"
	"guichet/policy/party"
	"guichet/schemas"
)

// site is a wired gateway: config ▸ stores ▸ catalog ▸ policy ▸ gateway.
type site struct {
	config    *Config
	log       *slog.Logger
	db        *db.DB
	record    *audit.Log
	index     *index.Index
	parties   *party.Registry
	catalog   *catalog.Catalog
	publisher *publish.Publisher
	sources   *harvest.Harvester
	same      *duplicates.Finder
	releases  *release.Releases
	refusals  *refusal.Refusals
	brake     *stop.Brake
	feed      *stop.Feed
	replica   string
	name      *db.Name // of this process, held while it runs
	stream    *stream.Engine
	server    *gateway.Server
	signIn    *signin.Door
	outbox    *notice.Outbox
}

// openDatabase opens the registry and the record over it.
func openDatabase(ctx context.Context, c *Config, log *slog.Logger) (*db.DB, *audit.Log, *keys, error) {
	k, err := loadKeys(c.Data)
	if err != nil {
		return nil, nil, nil, err
	}
	address := c.Database
	if address == "" {
		address = "sqlite:" + filepath.Join(c.Data, "guichet.db")
	}
	db, err := db.Open(ctx, address, log)
	if err != nil {
		return nil, nil, nil, err
	}
	record, err := audit.New(db, k.log, filepath.Join(c.Data, "checkpoint"), log)
	if err != nil {
		return nil, nil, nil, errors.Join(err, db.Close())
	}
	db.OnGroup(record.Step)
	return db, record, k, nil
}

// wire opens everything and starts nothing; s3Endpoint is where clients reach the S3 face, "" where
// there is none.
func wire(ctx context.Context, c *Config, log *slog.Logger, s3Endpoint string) (*site, error) {
	db, record, k, err := openDatabase(ctx, c, log)
	if err != nil {
		return nil, err
	}
	s := &site{config: c, log: log, db: db, record: record, replica: c.replica()}
	s.parties, err = party.New(db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	set, profiles, err := c.spaces()
	if err == nil {
		err = c.Contacts.Check("contacts", set.Spaces)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.index, err = index.Open(filepath.Join(c.Data, "index"), &set, log)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	engine, err := policy.New(ctx, set.Spaces...)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	engine = engine.With(s.parties)
	self, err := os.Executable()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find our own binary: %w", err), db.Close())
	}
	limits := c.Limits.Filled()
	roots, err := trust.Roots(c.CA)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	wait, err := idle("store_idle", c.StoreIdle)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	stores := &s3.Pool{Registered: s.parties.Store, Credentials: c.storeKeys, Roots: roots, Idle: wait}
	readers := sandbox.New(self, sandbox.Limits{})
	s.catalog = catalog.New(catalog.Config{DB: db, Spaces: set.Spaces, Profiles: profiles, CheckOffer: engine.CheckOffer,
		MaxSets: limits.Datasets})
	s.publisher = publish.New(publish.Config{Catalog: s.catalog, DB: db, Log: log, MayName: s.parties.MayName, Prefix: s.parties.Prefix,
		Store: stores.Get, Work: s.parties.Work, Readers: func() publish.Reader { return readers.Group() }, TempDir: filepath.Join(c.Data, "tmp"),
		MaxUploads: int64(limits.Uploads) << 30})
	s.sources = c.sources(s, set.Spaces, roots)
	s.same = duplicates.New(duplicates.Config{DB: db, Catalog: s.catalog, Log: log, Alone: !strings.HasPrefix(c.Database, "postgres")})
	s.index.Groups = s.same.Groups
	s.feed = stop.NewFeed(db, log)
	s.brake = stop.NewBrake(db, s.feed)
	agreements := agreement.New(db, s.parties, time.Now)
	offers := terms.New(s.catalog, time.Now)
	leases := lease.New(lease.Config{Agreements: agreements, Catalogue: s.catalog, Brake: s.brake, Key: k.lease})
	s.releases = release.New(
		release.Config{Agreements: agreements, Brake: s.brake, Replica: s.replica, Alone: !strings.HasPrefix(c.Database, "postgres")})
	s.refusals = refusal.New(db, leases.Find, time.Now)
	err = s.openStreams(stores, k)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	webhook, err := s.tell(k, roots)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	judge := auth.New(c.Issuers, s.parties, nil).Over(trust.Transport(roots))
	s.signIn, err = c.signIn(s, judge, k, roots)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.server = gateway.New(gateway.Deps{
		Deps: api.Deps{
			Catalog:       s.catalog,
			Forms:         set.Forms,
			Publisher:     s.publisher,
			Index:         s.index,
			Sources:       s.sources,
			Duplicates:    s.same,
			Engine:        engine,
			Parties:       s.parties,
			Record:        record,
			Log:           log,
			Version:       c.Version,
			SignIns:       c.signIns(),
			Public:        c.PublicURL,
			S3:            s3Endpoint,
			Now:           time.Now,
			HasCredential: c.hasCredential,
			Reaches:       stores.Reaches,
			NoticeKey:     webhook.PublicKey(),
			Agreements:    agreements,
			Terms:         offers,
			Leases:        leases,
			Releases:      s.releases,
			Runs:          run.New(agreements, limits.Runs),
			Stops:         stop.New(agreements, s.brake),
			Refusals:      s.refusals,
			Requests: request.New(
				request.Config{Agreements: agreements, Engine: engine, Catalogue: s.catalog, Terms: offers, MaxPending: limits.Pending}),
		},
		DB: db, Auth: judge, SignIn: s.signIn, Stream: s.stream, Feed: s.feed, Brake: s.brake,
		Behind: c.proxies(), Ticket: k.ticket, Limits: limits, Helpers: c.Contacts,
		Files: fetch.New(fetch.Config{Networks: networks(c.FileNetworks), Roots: roots}).Read,
	})
	return s, nil
}

// openStreams makes the engine.
func (s *site) openStreams(stores *s3.Pool, k *keys) error {
	memory, err := s.config.memory()
	if err != nil {
		return err
	}
	patience, err := idle("client_idle", s.config.ClientIdle)
	if err != nil {
		return err
	}
	urls, err := s.config.direct()
	if err != nil {
		return err
	}
	s.stream = stream.New(
		stream.Config{
			Idle:      patience,
			Manifest:  s.catalog.Manifest,
			Standing:  s.catalog.Standing,
			MayName:   s.parties.MayName,
			Store:     stores.Get,
			Work:      s.parties.Work,
			Releases:  s.releases,
			Feed:      s.feed,
			MasterKey: k.pseudonym,
			TempDir:   filepath.Join(s.config.Data, "tmp"),
			Log:       s.log,
			Memory:    memory,
			URLsFor:   urls,
		},
	)
	return nil
}

// hasCredential says whether the settings name a store's keys.
func (c *Config) hasCredential(name string) bool {
	_, ok := c.Credentials[name]
	return ok
}

// replica names this process for the releases that it opens.
func (c *Config) replica() string {
	if c.Replica != "" {
		return c.Replica
	}
	host, err := os.Hostname()
	if err != nil {
		return "gateway"
	}
	return host
}

// proxies are the networks whose word on a caller's address is believed.
func (c *Config) proxies() []netip.Prefix { return networks(c.BehindProxy) }

// networks reads those of a setting.
func networks(said []string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range said {
		p, err := netip.ParsePrefix(s)
		if err == nil { // checked before
			out = append(out, p)
		}
	}
	return out
}

// run serves on the listeners until ctx ends. What it starts it waits for, from the
// doors inwards: doors, then followers, then the writer, since the ends of streams
// are still to be recorded. ready is called when requests are answered.
func (s *site) run(ctx context.Context, l gateway.Listeners, ready func()) error {
	background := context.WithoutCancel(ctx)
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	writing, stopWriting := context.WithCancel(background)
	following, stopFollowing := context.WithCancel(background)
	defer stopWriting()
	defer stopFollowing()
	var writer, followers errgroup.Group
	writer.Go(func() error { return s.db.Run(writing) })
	err := s.start(ctx)
	started := err == nil
	// What follows ends when it is told to, and where that is in the midst of something it is no fault.
	follow := func(f func(ctx context.Context) error) {
		followers.Go(func() error {
			err := f(following)
			if following.Err() != nil && errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		})
	}
	if started {
		follow(s.record.Run)
		follow(s.feed.Run)
		follow(s.refusals.Count)
		follow(s.brake.Finish)
		follow(func(ctx context.Context) error { return s.releases.CloseAbandoned(ctx, s.log) })
		follow(func(ctx context.Context) error {
			err := s.name.Run(ctx)
			if err != nil { // another process has our name and closes our releases
				lose(err)
			}
			return err
		})
		follow(func(ctx context.Context) error { return s.index.Follow(ctx, s.db) })
		follow(s.publisher.Run)
		follow(s.sources.Run)
		follow(s.same.Run)
		follow(s.signIn.Run)
		follow(s.outbox.Run)
		if ready != nil {
			ready()
		}
		err = s.server.Serve(ctx, l)
	}
	stopFollowing()
	err = errors.Join(err, followers.Wait())
	if started {
		s.signLast(background)
	}
	if s.name != nil {
		s.name.Close()
	}
	stopWriting()
	return errors.Join(err, writer.Wait(), s.index.Close(), s.db.Close())
}

// signLast signs all that is in the record at the end, so that the saved head covers it.
func (s *site) signLast(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	_, err := s.record.Checkpoint(ctx)
	if err != nil {
		s.log.Warn("the last records are not signed before the stop; the next start signs them", "err", err)
	}
}

// start checks the record and closes the releases that a crash left open.
func (s *site) start(ctx context.Context) error {
	err := s.record.Start(ctx)
	if err != nil {
		return err
	}
	s.name, err = s.db.TakeName(ctx, s.replica) // nobody else's open releases are ours to close
	if err != nil {
		return err
	}
	n, err := s.releases.Recover(ctx)
	if n > 0 {
		s.log.Warn("releases that a stop left open are closed as unknown", "releases", n)
	}
	return err
}

// storeKeys reads the keys of a store from the files that the settings name.
func (c *Config) storeKeys(reg *schemas.Store) (s3.Credentials, error) {
	named, ok := c.Credentials[reg.CredentialRef]
	if !ok {
		return s3.Credentials{}, &schemas.Error{Kind: schemas.Unavailable, Subject: string(reg.ID),
			Message: fmt.Sprintf("store %s has no credentials here", reg.ID),
			Remedy:  fmt.Sprintf("the operator adds credentials.%s to the gateway's settings", reg.CredentialRef)}
	}
	access, err := files.Secret(named.AccessKeyFile)
	if err != nil {
		return s3.Credentials{}, err
	}
	hidden, err := files.Secret(named.SecretKeyFile)
	return s3.Credentials{AccessKey: access, SecretKey: hidden}, err
}

// keys are the site's secrets, files of mode 0600 in DATA/keys.
type keys struct {
	log       string
	lease     []byte
	pseudonym []byte
	ticket    []byte // derived from lease
	webhook   []byte // likewise
	web       []byte // likewise
}

// loadKeys reads the site's keys and derives those that need not be kept. Each has its
// own label, so that what one key signs means nothing under another.
func loadKeys(data string) (*keys, error) {
	var k keys
	for name, into := range map[string]func(s string){
		"log.key": func(s string) { k.log = s }, "lease.key": func(s string) { k.lease = []byte(s) },
		"pseudonym.key": func(s string) { k.pseudonym = []byte(s) },
	} {
		s, err := files.Secret(filepath.Join(data, "keys", name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil {
			return nil, &schemas.Error{
				Kind:    schemas.Invalid,
				Subject: name,
				Message: "the gateway's key " + name + " is not there",
				Remedy:  "guichet init makes a new gateway's folder; after a loss restore the backup",
				Err:     err,
			}
		}
		into(s)
	}
	if len(k.lease) < 32 || len(k.pseudonym) < 32 || !strings.HasPrefix(k.log, "PRIVATE+KEY+") {
		return nil, schemas.Errorf(schemas.Invalid, "keys", "a key in %s is not whole", filepath.Join(data, "keys"))
	}
	var err error
	k.ticket, err = hkdf.Key(sha256.New, k.lease, nil, "guichet flight ticket 1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of Flight tickets: %w", err)
	}
	k.webhook, err = hkdf.Key(sha256.New, k.lease, nil, "guichet webhook signature 1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of webhooks: %w", err)
	}
	k.web, err = hkdf.Key(sha256.New, k.lease, nil, "guichet web sign-in 1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the sign-in: %w", err)
	}
	return &k, nil
}
