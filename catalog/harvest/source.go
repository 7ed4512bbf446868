package harvest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/folder"
	"guichet/schemas"
)

// Catalogue is one of others that is harvested: a source of datasets.
type Catalogue struct {
	ID     schemas.SourceID      `json:"id" doc:"slug"`
	URL    string                `json:"url" doc:"of its first page, or the path of a file or folder of the gateway's machine" maxLength:"2048"`
	Kind   string                `json:"kind,omitempty" doc:"how it speaks; dcat-ap when left out, of a path files"`
	Title  string                `json:"title,omitempty" maxLength:"200"`
	Space  schemas.SpaceID       `json:"space,omitempty" doc:"the data space of what does not say its own by a theme"`
	Every  int64                 `json:"every_hours,omitempty" doc:"hours from one harvest to the next; 24 when left out" minimum:"0" maximum:"8760"`
	Look   int64                 `json:"changes_every_seconds,omitempty" doc:"seconds from one look at what changed to the next, where the source tells what did; 60 when left out, of a Guichet 2" minimum:"0" maximum:"86400"`
	Paused bool                  `json:"paused,omitempty" doc:"it is not harvested until it goes on; what it has here stays"`
	By     schemas.ParticipantID `json:"by,omitempty" readOnly:"true" doc:"whose operator named it: the provider of its datasets here"`
	Added  time.Time             `json:"added,omitzero" readOnly:"true"`

	Revision int64  `json:"revision,omitempty" readOnly:"true" doc:"the ETag, as a number"`
	Health   Health `json:"health,omitzero" readOnly:"true"`
	Removed  bool   `json:"removed,omitempty" readOnly:"true" doc:"its datasets are being withdrawn; then it is gone"`
}

// State says how a source fares.
type State string

// A source is new until it is first harvested. It is held when much is gone from it at once,
// until an operator agrees or it is back.
const (
	New     State = "new"
	Running State = "running"
	Well    State = "well"
	Failing State = "failing"
	Held    State = "held"
)

// Health is how a source fares.
type Health struct {
	State    State     `json:"state" enum:"new,running,well,failing,held"`
	Why      string    `json:"why,omitempty" doc:"it fails or is held, or most of its records are set aside"`
	Begun    time.Time `json:"begun,omitzero" doc:"of the newest harvest"`
	Ended    time.Time `json:"ended,omitzero"`
	Whole    time.Time `json:"whole,omitzero" doc:"when the newest harvest ended that read all of it"`
	Next     time.Time `json:"next,omitzero" doc:"when it is harvested next"`
	Failures int64     `json:"failures,omitempty" doc:"harvests that failed since the last that did not"`
	Datasets int64     `json:"datasets" doc:"that it has here"`
	Refused  int64     `json:"refused" doc:"records that are set aside"`
	Gone     int64     `json:"gone,omitempty" doc:"of a source that is held: datasets that it has no more"`
	Agreed   bool      `json:"agreed,omitempty" doc:"that what is gone is withdrawn at the end of the next harvest"`
	Counts   Counts    `json:"harvest" doc:"the newest harvest"`

	Number int64  `json:"number,omitempty" doc:"of the newest harvest"`
	Page   string `json:"page,omitempty" doc:"that is read next, while it runs"`
	Follow string `json:"follow,omitempty" doc:"address at which it tells what changes, once all of it was read"`
	Watch  string `json:"watch,omitempty" doc:"that address, while all of it is read"`
	Feed   bool   `json:"feed,omitempty" doc:"it tells nothing but what changes, from its beginning on"`
	Anew   bool   `json:"anew,omitempty" doc:"all of it is read next, though it could be followed"`
}

// Counts are what a harvest did.
type Counts struct {
	Total     int64 `json:"total,omitempty" doc:"records that the source says it has"`
	Pages     int64 `json:"pages"`
	Records   int64 `json:"records" doc:"that were read or have not changed"`
	New       int64 `json:"new"`
	Changed   int64 `json:"changed"`
	Refused   int64 `json:"refused"`
	Withdrawn int64 `json:"withdrawn"`
}

// add counts what was done to some records.
func (c *Counts) add(done Counts) {
	c.Records += done.Records
	c.New += done.New
	c.Changed += done.Changed
	c.Refused += done.Refused
	c.Withdrawn += done.Withdrawn
}

// Refusal is a record that was set aside.
type Refusal struct {
	IRI     string            `json:"iri"`
	Dataset schemas.DatasetID `json:"dataset,omitempty" doc:"that stands as it was before"`
	Why     string            `json:"why"`
	Page    string            `json:"page"`
}

const defaultHours = 24

// every is the time from one harvest to the next.
func (s *Catalogue) every() time.Duration {
	h := s.Every
	if h == 0 {
		h = defaultHours
	}
	return time.Duration(h) * time.Hour
}

// due is when the source is looked at next, as its table has it: never while it is paused, unless to end it.
func (s *Catalogue) due() db.Columns {
	if s.Paused && !s.Removed {
		return db.Columns{"due": int64(math.MaxInt64)}
	}
	return db.Columns{"due": s.Health.Next.UnixMicro()}
}

// look is the time from one look at what changed to the next.
func (h *Harvester) look(s *Catalogue) time.Duration {
	if s.Look > 0 {
		return time.Duration(s.Look) * time.Second
	}
	return cmp.Or(h.Kinds[s.Kind].Look, time.Minute)
}

// follows says whether a source that told where it tells what changes is only asked for that.
func (h *Harvester) follows(s *Catalogue) bool {
	f := &s.Health
	if f.Follow == "" || f.Anew || f.State == Running {
		return false
	}
	return f.Feed || h.now().Before(f.Whole.Add(s.every()))
}

// principal answers for what a source brings.
func (s *Catalogue) principal() schemas.Principal {
	return schemas.Principal{Issuer: "urn:guichet:harvest", Subject: string(s.ID), Participant: s.By}
}

// checkSource says everything that is wrong with a source.
func (h *Harvester) checkSource(s *Catalogue) error {
	var faults []schemas.FieldError
	fault := func(pointer, format string, args ...any) {
		faults = append(faults, schemas.FieldError{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
	}
	if !schemas.IsSlug(string(s.ID)) {
		fault("/id", "%q cannot name a source: a name has %s", s.ID, schemas.SlugInWords)
	}
	if strings.HasPrefix(s.URL, "/") {
		s.URL = folder.Address(s.URL)
	}
	if err := h.Address(s.URL); err != nil {
		said := why(err)
		if !strings.Contains(s.URL, ":") {
			said += " (of the gateway's machine write the whole path, such as /srv/catalogues/ours)"
		}
		fault("/url", "%s", said)
	}
	switch {
	case s.Kind == "" && folder.Is(s.URL):
		s.Kind = Files
	case s.Kind == "":
		s.Kind = DCATAP
	}
	if h.Own != nil && h.Own(h.first(s)) {
		fault("/url", "this is the catalogue of this site itself, whose datasets are here already")
	}
	if folder.Is(s.URL) && s.Kind != Files && h.Kinds[s.Kind].Read != nil {
		fault("/kind", "a path of the gateway's machine is read as %s, not as %q", Files, s.Kind)
	}
	if h.Kinds[s.Kind].Read == nil {
		kinds := make([]string, 0, len(h.Kinds))
		for k := range h.Kinds {
			kinds = append(kinds, k)
		}
		slices.Sort(kinds)
		fault("/kind", "%q is not a kind of source; there are %s", s.Kind, strings.Join(kinds, ", "))
	}
	if !schemas.IsLine(s.Title) {
		fault("/title", "it holds control or direction characters")
	}
	if s.Space != "" && !slices.Contains(h.Spaces, s.Space) {
		fault("/space", "%q is not a data space", s.Space)
	}
	if len(faults) == 0 {
		return nil
	}
	return &schemas.Error{Kind: schemas.Invalid, Subject: "source", Message: "the source has faults", Fields: faults,
		Remedy: "fix the fields named"}
}
