package stream

import (
	"context"
	"log/slog"
	"time"

	"github.com/maypok86/otter/v2"

	"guichet/connectors/s3"
	"guichet/gateway/stream/byurl"
	"guichet/gateway/stream/file"
	"guichet/gateway/stream/memory"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/gateway/stream/rowindex"
	"guichet/schemas"
)

// Config is what an Engine is made of.
type Config struct {
	Manifest func(ctx context.Context, id schemas.DatasetID, v schemas.VersionID) (schemas.Version, error)
	Standing func(ctx context.Context, id schemas.DatasetID,
		v schemas.VersionID) error // Gone when a version was withdrawn since its manifest was read; nil: none ever is
	MayName   func(ctx context.Context, provider schemas.ParticipantID, store schemas.StoreID, bucket, key string) error
	Store     func(ctx context.Context, id schemas.StoreID) (*s3.Store, error)
	Work      func(ctx context.Context) (store schemas.StoreID, bucket string, err error)
	Releases  release.Record
	Feed      release.Feed
	MasterKey []byte        // of pseudonyms
	Memory    int64         // bytes that all streams hold together; 1 GiB when 0
	Idle      time.Duration // the longest that a client may take for its next bytes; release.DefaultIdle when 0
	URLsFor   time.Duration // how long URLs of S3 are good that jobs get; 0: they get none
	TempDir   string        // for shards that a view changes; the system's when empty
	Log       *slog.Logger
	Now       func() time.Time
}

// Engine opens streams. Safe for concurrent use.
type Engine struct {
	Config
	Files     *file.Files // shards as files
	URLs      *byurl.URLs // ranges of what is stored
	manifests *otter.Cache[string, schemas.Version]
	indexes   *rowindex.Cache
	keeper    *release.Keeper
	budget    *memory.Budget
	recent    *read.Recent
	life      *release.Lifecycle
}

// New makes an engine.
func New(c Config) *Engine {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Idle == 0 {
		c.Idle = release.DefaultIdle
	}
	e := &Engine{Config: c, manifests: newManifests(), life: release.NewLifecycle()}
	e.budget = memory.NewBudget(c.Memory)
	e.recent = read.NewRecent(e.budget)
	e.keeper = release.NewKeeper(c.Releases, c.Feed, e.life, c.Log, c.Now)
	e.indexes = rowindex.NewCache(c.Store, c.Work, e.life, c.Feed, c.Log)
	e.Files = file.New(file.Config{
		Open: c.Store, Budget: e.budget, Keeper: e.keeper, Life: e.life, Idle: c.Idle, Now: c.Now, TempDir: c.TempDir,
	})
	e.URLs = byurl.New(byurl.Config{Open: c.Store, Keeper: e.keeper, For: c.URLsFor, Now: c.Now})
	return e
}

// Shutdown refuses new streams, cuts running ones after a moment's grace, and
// waits until their ends are recorded, at most until ctx ends.
func (e *Engine) Shutdown(ctx context.Context) {
	e.life.Shutdown(ctx)
	e.Files.Close()
}

// Waiting is how many streams wait for memory that others hold.
func (e *Engine) Waiting() int { return e.budget.Waiting() }

// Closing says whether the engine takes no more streams.
func (e *Engine) Closing() bool { return e.life.Closing() }

// maxManifests bounds the bytes of manifests held in memory: those of some 2 TB in
// batches of 3.5 MiB with 50 columns.
const maxManifests = 256 << 20

// newManifests keeps the manifests that are asked for most; they never change. One that
// has more than half of the bound counts as half: it is kept too.
func newManifests() *otter.Cache[string, schemas.Version] {
	return otter.Must(&otter.Options[string, schemas.Version]{
		MaximumWeight: maxManifests,
		Weigher:       func(_ string, v schemas.Version) uint32 { return uint32(min(weightOf(&v), maxManifests/2)) },
	})
}

// weightOf is about the bytes that a manifest takes in memory.
func weightOf(v *schemas.Version) int64 {
	n := int64(1024)
	for s := range v.EveryShard() {
		n += 512
		for _, b := range s.Batches {
			n += 56 + 8*int64(len(b.Columns))
		}
	}
	return n
}
