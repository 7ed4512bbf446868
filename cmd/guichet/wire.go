package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/catalog"
	"guichet/catalog/index"
	"guichet/connectors/db"
	"guichet/connectors/s3"
	"guichet/connectors/sandbox"
	"guichet/connectors/trust"
	"guichet/gateway"
	"guichet/gateway/api"
	"guichet/gateway/auth"
	"guichet/gateway/stream"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/audit"
	"guichet/policy/notice"
	"guichet/policy/party"
	"guichet/schemas"
)

// site is a wired gateway: config ▸ stores ▸ catalog ▸ policy ▸ gateway.
type site struct {
	config  *Config
	log     *slog.Logger
	db      *db.DB
	record  *audit.Log
	index   *index.Index
	parties *party.Registry
	catalog *catalog.Catalog
	desk    *agreement.Desk
	feed    *agreement.Feed
	replica string
	name    *db.Name // of this process, held while it runs
	stream  *stream.Engine
	server  *gateway.Server
	outbox  *notice.Outbox
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

// wire opens everything and starts nothing.
func wire(ctx context.Context, c *Config, log *slog.Logger) (*site, error) {
	db, record, k, err := openDatabase(ctx, c, log)
	if err != nil {
		return nil, err
	}
	s := &site{config: c, log: log, db: db, record: record, replica: c.replica()}
	s.index, err = index.Open(filepath.Join(c.Data, "index"), log)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.parties, err = party.New(db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	engine, err := policy.New(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	engine = engine.With(s.parties)
	spaces, err := schemas.SpaceProfiles()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	self, err := os.Executable()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find our own binary: %w", err), db.Close())
	}
	limits := c.Limits.Filled()
	roots, err := trust.Roots(c.CA)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	stores := &stores{parties: s.parties, config: c, roots: roots, open: map[string]*s3.Store{}}
	mayName := stores.mayName
	readers := sandbox.New(self, sandbox.Limits{})
	s.catalog = catalog.New(catalog.Config{DB: db, Index: s.index, Log: log, Spaces: spaces, CheckOffer: engine.CheckOffer, MayName: mayName,
		Prefix: s.parties.Prefix, Store: stores.get, Work: stores.work, Readers: func() catalog.Reader { return readers.Group() }, TempDir: filepath.Join(c.Data, "tmp"),
		MaxSets: limits.Datasets, MaxUploads: int64(limits.Uploads) << 30})
	s.feed = agreement.NewFeed(db, log)
	s.desk = agreement.New(agreement.Config{DB: db, Engine: engine, Parties: s.parties, Catalogue: s.catalog, LeaseKey: k.lease, Feed: s.feed, Replica: s.replica,
		MaxPending: limits.Pending, MaxRuns: limits.Runs, Alone: !strings.HasPrefix(c.Database, "postgres")})
	memory, err := c.memory()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	patience, err := idle("client_idle", c.ClientIdle)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.stream = stream.New(stream.Config{Idle: patience, Manifest: s.catalog.Manifest, Standing: s.catalog.Standing, MayName: mayName, Store: stores.get, Work: stores.work, Releases: s.desk, Feed: s.feed, MasterKey: k.pseudonym,
		TempDir: filepath.Join(c.Data, "tmp"), Log: log, Memory: memory})
	webhook, err := s.tell(k, roots)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.server = gateway.New(gateway.Deps{
		Deps: api.Deps{Catalog: s.catalog, Index: s.index, Engine: engine, Desk: s.desk, Parties: s.parties, Record: record, Log: log, Version: version, Public: c.PublicURL, Now: time.Now, HasCredential: c.hasCredential, Reaches: stores.reaches, NoticeKey: webhook.PublicKey()},
		DB:   db, Auth: auth.New(c.Issuers, s.parties, nil).Over(trust.Transport(roots)), Stream: s.stream, Feed: s.feed, Behind: c.proxies(), Ticket: k.ticket, Limits: limits,
	})
	return s, nil
}

func (c *Config) hasCredential(name string) bool {
	_, ok := c.Credentials[name]
	return ok
}

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

func (c *Config) proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range c.BehindProxy {
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
	if started {
		followers.Go(func() error { return s.record.Run(following) })
		followers.Go(func() error { return s.feed.Run(following) })
		followers.Go(func() error { return s.desk.CountRefusals(following) })
		followers.Go(func() error { return s.desk.FinishTakeaways(following) })
		followers.Go(func() error { return s.desk.CloseAbandoned(following, s.log) })
		followers.Go(func() error {
			err := s.name.Run(following)
			if err != nil { // another process has our name and closes our releases
				lose(err)
			}
			return err
		})
		followers.Go(func() error { return s.index.Follow(following, s.db) })
		followers.Go(func() error { return s.catalog.Run(following) })
		followers.Go(func() error { return s.outbox.Run(following) })
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
	n, err := s.desk.Recover(ctx)
	if n > 0 {
		s.log.Warn("releases that a stop left open are closed as unknown", "releases", n)
	}
	return err
}

// stores opens S3 stores by their registration and the operator's credentials.
type stores struct {
	parties *party.Registry
	config  *Config
	roots   *x509.CertPool // nil: the system's
	mu      sync.Mutex
	open    map[string]*s3.Store // by id and revision: a changed registration is opened anew
}

func (o *stores) get(ctx context.Context, id schemas.StoreID) (*s3.Store, error) {
	reg, err := o.parties.Store(ctx, id)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s/%d", id, reg.Revision)
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.open[key]; s != nil {
		return s, nil
	}
	s, err := o.connect(reg)
	if err == nil {
		o.open[key] = s
	}
	return s, err
}

// connect makes a store of its registration.
func (o *stores) connect(reg schemas.Store) (*s3.Store, error) {
	cred, ok := o.config.Credentials[reg.CredentialRef]
	if !ok {
		return nil, &schemas.Error{Kind: schemas.Unavailable, Subject: string(reg.ID), Message: fmt.Sprintf("store %s has no credentials here", reg.ID), Remedy: fmt.Sprintf("the operator adds credentials.%s to the gateway's settings", reg.CredentialRef)}
	}
	access, err := secret(cred.AccessKeyFile)
	if err != nil {
		return nil, err
	}
	hidden, err := secret(cred.SecretKeyFile)
	if err != nil {
		return nil, err
	}
	wait, err := idle("store_idle", o.config.StoreIdle)
	if err != nil {
		return nil, err
	}
	return s3.New(reg.ID, reg.Endpoint, reg.Region, s3.Credentials{AccessKey: access, SecretKey: hidden}, s3.Own(reg.Own), s3.Idle(wait), s3.Believe(o.roots))
}

// reaches says whether a store that is to be registered answers, and has the buckets that
// its registration names. Errors: Invalid with what is wrong where.
func (o *stores) reaches(ctx context.Context, reg schemas.Store) error {
	s, err := o.connect(reg)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, 15*time.Second)
	defer stop()
	named := map[string]string{}
	if reg.WorkBucket != "" {
		named[reg.WorkBucket] = "/work_bucket"
	}
	for i, p := range reg.Prefixes {
		if named[p.Bucket] == "" {
			named[p.Bucket] = fmt.Sprintf("/prefixes/%d/bucket", i)
		}
	}
	for _, bucket := range slices.Sorted(maps.Keys(named)) {
		err := s.Reaches(ctx, bucket)
		e, ours := errors.AsType[*schemas.Error](err)
		switch {
		case err == nil:
			continue
		case !ours: // it took too long
			e = &schemas.Error{Message: fmt.Sprintf("store %s did not answer in 15 seconds", reg.ID), Remedy: "check the endpoint"}
		}
		at := named[bucket]
		if e.Kind != schemas.NotFound {
			at = "/endpoint"
		}
		bad := schemas.BadField("store", at, "%s", e.Message)
		bad.Remedy = e.Remedy + "; a store that comes later is registered unchecked: guichet store add --unchecked"
		return bad
	}
	return nil
}

// mayName is the registry's word on prefixes, and the provider's own uploads.
func (o *stores) mayName(ctx context.Context, provider schemas.ParticipantID, store schemas.StoreID, bucket, key string) error {
	if strings.HasPrefix(key, catalog.UploadPrefix(provider)) && !strings.Contains(key, "..") {
		all, err := o.withWork(ctx)
		if err != nil {
			return err // no answer is no no: what is refused is recorded
		}
		if slices.ContainsFunc(all, func(s schemas.Store) bool { return s.ID == store && s.WorkBucket == bucket }) {
			return nil
		}
	}
	return o.parties.MayName(ctx, provider, store, bucket, key)
}

// withWork lists the stores with a work bucket of the operator's.
func (o *stores) withWork(ctx context.Context) ([]schemas.Store, error) {
	all, _, err := o.parties.Stores(ctx, schemas.Principal{Subject: "gateway", Roles: []schemas.Role{schemas.RoleOperator}}, "", 1000)
	return slices.DeleteFunc(all, func(s schemas.Store) bool { return s.WorkBucket == "" }), err
}

// work gives the first of them, where new files go.
func (o *stores) work(ctx context.Context) (schemas.StoreID, string, error) {
	all, err := o.withWork(ctx)
	if err == nil && len(all) == 0 {
		err = &schemas.Error{Kind: schemas.Unavailable, Subject: "store", Message: "no store has a work bucket, so nothing can be converted or filtered", Remedy: "the operator gives one store a work_bucket"}
	}
	if err != nil {
		return "", "", err
	}
	return all[0].ID, all[0].WorkBucket, nil
}

// keys are the site's secrets, files of mode 0600 in DATA/keys.
type keys struct {
	log       string
	lease     []byte
	pseudonym []byte
	ticket    []byte // derived from lease
	webhook   []byte // likewise
}

func loadKeys(data string) (*keys, error) {
	var k keys
	for name, into := range map[string]func(s string){
		"log.key": func(s string) { k.log = s }, "lease.key": func(s string) { k.lease = []byte(s) }, "pseudonym.key": func(s string) { k.pseudonym = []byte(s) },
	} {
		s, err := secret(filepath.Join(data, "keys", name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil {
			return nil, &schemas.Error{Kind: schemas.Invalid, Subject: name, Message: "the gateway's key " + name + " is not there", Remedy: "guichet init makes a new gateway's folder; after a loss restore the backup", Err: err}
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
	return &k, nil
}
