package schemas

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// Ask is what a decision is about: one dataset for one project.
type Ask struct {
	Dataset     DatasetID     `json:"dataset"`
	Participant ParticipantID `json:"participant,omitempty" readOnly:"true"`
	Project     ProjectID     `json:"project,omitempty"`
	Purpose     string        `json:"purpose" doc:"id of the purpose vocabulary, or its IRI"`
	Factory     FactoryID     `json:"factory,omitempty" doc:"the project's factory when left out"`
	Action      string        `json:"action,omitempty" doc:"use, read or train; when left out what the purpose does with data: train for train-model, else use"`
	Columns     []string      `json:"columns,omitempty" doc:"the columns wanted; all when left out"`
	Rows        int64         `json:"rows,omitempty" doc:"rows wanted over the agreement's life; 0 = as many as allowed"`
	Until       time.Time     `json:"until,omitzero" doc:"wanted end"`
}

// Verdict is the answer to an ask.
type Verdict string

// Verdicts; the empty one is a no.
const (
	VerdictYes    Verdict = "yes"
	VerdictReview Verdict = "review"
	VerdictNo     Verdict = "no"
)

// Mark is what a search hit says about access, in one word.
type Mark string

// The four marks [decisions.md 8].
const (
	MarkNow       Mark = "now"
	MarkAsk       Mark = "ask"
	MarkNo        Mark = "no"
	MarkElsewhere Mark = "elsewhere"
)

// Decision is the answer of the one decision point, with what a yes demands.
type Decision struct {
	Verdict     Verdict       `json:"verdict" enum:"yes,review,no"`
	Reasons     []Reason      `json:"reasons,omitempty" doc:"the rules that decided"`
	Obligations []Duty        `json:"obligations,omitempty" doc:"what a yes demands"`
	Notes       []string      `json:"notes,omitempty" doc:"where the dataset's licence asks for more than its terms do: what a yes does not settle"`
	Left        *Left         `json:"left,omitempty" doc:"what the budgets of the terms still give to the project; absent without budgets or project"`
	Reviewer    ParticipantID `json:"reviewer,omitempty" doc:"who looks at it, for review"`
	Until       time.Time     `json:"until,omitzero" doc:"when a yes would end"`
	ValidUntil  time.Time     `json:"valid_until,omitzero" doc:"next instant at which this answer can change by itself"`
	Digest      string        `json:"digest,omitempty" doc:"SHA-256 over what was asked and the rules that were read"`
	Stage       bool          `json:"stage,omitempty" doc:"a yes goes for staging too: an encrypted copy that opens by lease"`
	Direct      bool          `json:"direct,omitempty" doc:"a yes goes for reading by URL too: ranges of bytes straight from S3"`
	NotDirect   *Reason       `json:"not_direct,omitempty" doc:"why not, where the offer speaks of it"`
}

// RequestState is where a request stands.
type RequestState string

// States of a request.
const (
	RequestPending   RequestState = "pending"
	RequestGranted   RequestState = "granted"
	RequestRefused   RequestState = "refused"
	RequestWithdrawn RequestState = "withdrawn" // by who asked, before it was decided
)

// Request is the ask of a project over one or more datasets. A granted one is
// the permit. An answer per item; the state of the whole: pending while one item is, else granted
// when one is, else withdrawn when one is.
type Request struct {
	ID        RequestID         `json:"id" readOnly:"true"`
	Project   ProjectID         `json:"project"`
	Purpose   string            `json:"purpose"`
	Factory   FactoryID         `json:"factory,omitempty"`
	Action    string            `json:"action,omitempty" doc:"what is done with the data: use, read or train"`
	Until     time.Time         `json:"until,omitzero"`
	Items     []RequestItem     `json:"items" minItems:"1" maxItems:"100"`
	Answers   map[string]string `json:"answers,omitempty" doc:"answers to the form of the space or offer"`
	Message   string            `json:"message,omitempty" doc:"a word to who reviews it" maxLength:"4000"`
	Contact   string            `json:"contact,omitempty" doc:"whom to ask back: an address of mail or a URL" maxLength:"320"`
	State     RequestState      `json:"state" readOnly:"true" enum:"pending,granted,refused,withdrawn"`
	By        ParticipantID     `json:"by" readOnly:"true"`
	Submitted time.Time         `json:"submitted" readOnly:"true"`
	Decided   time.Time         `json:"decided,omitzero" readOnly:"true"`
	Revision  int64             `json:"revision,omitempty" readOnly:"true"`
	About     *RequestAbout     `json:"about,omitempty" readOnly:"true" doc:"of one request that is read: who asks, for which project, where; as of now, never stored"`
}

// RequestAbout is what a holder has to know to decide about a request.
type RequestAbout struct {
	Asker       Organisation   `json:"asker"`
	Title       string         `json:"title,omitempty" doc:"of the project"`
	Description string         `json:"description,omitempty" doc:"of the project"`
	Purposes    []string       `json:"purposes,omitempty" doc:"of the project"`
	Until       time.Time      `json:"until,omitzero" doc:"end of the project"`
	Funding     *Funding       `json:"funding,omitempty"`
	Partners    []Organisation `json:"partners,omitempty" doc:"of the project, its lead first"`
	Place       *RequestPlace  `json:"place,omitempty"`
}

// Organisation is what others may read of a participant.
type Organisation struct {
	ID      ParticipantID   `json:"id"`
	Name    string          `json:"name,omitempty"`
	Country string          `json:"country,omitempty"`
	Kind    ParticipantKind `json:"kind,omitempty"`
}

// RequestPlace is where the data would be used.
type RequestPlace struct {
	ID      FactoryID `json:"id"`
	Name    string    `json:"name,omitempty"`
	Country string    `json:"country,omitempty"`
	Proven  bool      `json:"proven,omitempty" doc:"streams open only from its networks"`
	Secure  bool      `json:"secure,omitempty" doc:"a secure processing environment"`
}

// RequestItem is one dataset of a request, with its answer.
type RequestItem struct {
	Dataset   DatasetID     `json:"dataset"`
	Provider  ParticipantID `json:"provider,omitempty" readOnly:"true"`
	Columns   []string      `json:"columns,omitempty"`
	Rows      int64         `json:"rows,omitempty"`
	State     RequestState  `json:"state,omitempty" readOnly:"true"`
	Decision  *Decision     `json:"decision,omitempty" readOnly:"true"`
	Agreement AgreementID   `json:"agreement,omitempty" readOnly:"true"`
	Joins     []Joint       `json:"joins,omitempty" readOnly:"true" doc:"joint domains in which pseudonyms of this dataset join with those of other items"`
	Review    *Review       `json:"review,omitempty" readOnly:"true"`
}

// Joint is a joint domain of pseudonyms: inside the permit the columns get values that
// join with those of the other items of the request which name it.
type Joint struct {
	Domain  string          `json:"domain"`
	Parties []ParticipantID `json:"parties" doc:"the providers that agreed on it, each by its own offer"`
	Columns []string        `json:"columns" doc:"of this dataset"`
	Items   []DatasetID     `json:"items,omitempty" doc:"other items of the request that join in it and that the caller may see"`
	Others  int             `json:"others,omitempty" doc:"how many more of them there are"`
}

// Review is the word of a holder or access body.
type Review struct {
	Decision string        `json:"decision" enum:"grant,refuse"`
	Reason   string        `json:"reason" minLength:"3" maxLength:"4000"`
	By       ParticipantID `json:"by,omitempty" readOnly:"true"`
	At       time.Time     `json:"at,omitzero" readOnly:"true"`
}

// AgreementState is where an agreement stands.
type AgreementState string

// States of an agreement.
const (
	AgreementActive  AgreementState = "active"
	AgreementRevoked AgreementState = "revoked"
	AgreementEnded   AgreementState = "ended"
)

// How the pseudonyms of an agreement are derived. What was given out stays: an agreement
// keeps the derivation that it was made with [decisions.md 14].
//
//	        key by                                                function
//	absent  permit                                                HMAC-SHA-256, its first 16 bytes
//	1       the same
//	2       permit, provider, dataset, column; or a joint domain  HMAC-SHA-256, its first 16 bytes
//	3       as 2                                                  AES-256-CMAC
const (
	PseudonymsByPermit = 1
	PseudonymsByColumn = 2 // the first that knows joint domains
	Pseudonyms         = 3 // of agreements that are made now
)

// Agreement is what a yes became.
type Agreement struct {
	ID             AgreementID     `json:"id"`
	Permit         RequestID       `json:"permit" doc:"the granted request; pseudonyms never join beyond it"`
	Dataset        DatasetID       `json:"dataset"`
	Provider       ParticipantID   `json:"provider"`
	Participant    ParticipantID   `json:"participant" doc:"who may use it"`
	Partners       []ParticipantID `json:"partners,omitempty" doc:"other partners of the project who may use it: all for the provider, officers and operators, itself for a partner"`
	Project        ProjectID       `json:"project"`
	Purpose        string          `json:"purpose"`
	Factory        FactoryID       `json:"factory"`
	Action         string          `json:"action,omitempty" doc:"what it permits: use (also where it is absent), read or train"`
	Stage          bool            `json:"stage,omitempty" doc:"the data may be staged too: kept as an encrypted copy that opens by lease"`
	Direct         bool            `json:"direct,omitempty" doc:"the data may be read by URL too: ranges of bytes straight from S3"`
	NotDirect      *Reason         `json:"not_direct,omitempty" doc:"why not, where the offer speaks of it"`
	Versions       []VersionID     `json:"versions" doc:"versions it covers"`
	Follow         bool            `json:"follow,omitempty" doc:"later versions too"`
	Columns        []string        `json:"columns,omitempty" doc:"the only columns; all but hidden ones when empty"`
	Obligations    []Duty          `json:"obligations,omitempty"`
	Pseudonyms     int             `json:"pseudonyms,omitempty" doc:"how its pseudonyms are derived: 3 (AES-CMAC) and 2 (HMAC) by permit, provider, dataset and column, or by a joint domain; absent in old agreements: by the permit alone (HMAC)"`
	From           time.Time       `json:"from"`
	Until          time.Time       `json:"until"`
	State          AgreementState  `json:"state" enum:"active,revoked,ended"`
	Revoked        time.Time       `json:"revoked,omitzero"`
	Reason         string          `json:"reason,omitempty" doc:"why it was revoked"`
	DecisionDigest string          `json:"decision_digest"`
	Offer          Offer           `json:"offer" doc:"the terms as they were agreed"`
	RowsUsed       int64           `json:"rows_used" doc:"rows released and reserved"`
	BytesUsed      int64           `json:"bytes_used"`
	Left           *Left           `json:"left,omitempty" doc:"what its budgets still give; those of the terms are shared by all agreements of the project on the dataset"`
	Revision       int64           `json:"revision,omitempty"`
}

// Left is what budgets still give: what was neither released nor reserved. A member that
// is absent has no limit.
type Left struct {
	Rows  *int64 `json:"rows,omitempty"`
	Bytes *int64 `json:"bytes,omitempty"`
}

// Lease is a short right to open streams on agreements of one project.
type Lease struct {
	ID          LeaseID       `json:"id"`
	Parent      LeaseID       `json:"parent,omitempty"`
	Line        []LeaseID     `json:"line,omitempty" doc:"the leases that it was narrowed from, the first one first; it dies with each of them"`
	Project     ProjectID     `json:"project"`
	Participant ParticipantID `json:"participant"`
	Issuer      string        `json:"iss,omitempty" doc:"whose it is: issuer and subject of the member that it was made for; it ends when the membership, its role or the partnership does"`
	Subject     string        `json:"sub,omitempty"`
	Run         RunID         `json:"run,omitempty"`
	Factory     FactoryID     `json:"factory,omitempty"`
	Items       []LeaseItem   `json:"items"`
	Rank        *int          `json:"rank,omitempty" doc:"the only rank it opens, of its world; without order it names a job's rank and is not a limit on data: another seed deals other rows"`
	World       *int          `json:"world,omitempty" doc:"the only world it opens"`
	Order       *Order        `json:"order,omitempty" doc:"the only order of rows that it opens; with rank and world that is one part of the rows and no other"`
	Until       time.Time     `json:"until"`
	Revoked     time.Time     `json:"revoked,omitzero"`
	Reason      string        `json:"reason,omitempty" doc:"why it was revoked"`

	PublicKey []byte    `json:"public_key,omitempty" doc:"of a job key alone: the 32 bytes of an Ed25519 key [RFC 8032]; a job key opens no stream, leases are made with it"`
	Name      string    `json:"name,omitempty" doc:"of a job key: what its owner calls it"`
	Ends      time.Time `json:"ends,omitzero" doc:"when the job key ends that it was made with; its streams end then"`

	Reads *ReadsOfCopy `json:"reads,omitempty" doc:"of a staged copy alone: what was read of it, as far as that was handed back"`
}

// IsJobKey says whether it is a job key: it lasts for weeks, opens no stream, and whoever has its
// private half makes leases with it, no wider than it is.
func (l *Lease) IsJobKey() bool { return l.PublicKey != nil }

// JobKeyPrefix begins the ids of job keys, and what they sign with.
const JobKeyPrefix = "jobkey-"

// SignedByJobKey is what a job key signs for a POST to a path below the API's root with this body, at
// so many seconds since 1970. Of /leases the path is not said, so that what is signed for one call
// goes for no other:
// the bearer token of the request is id.seconds.signature, the signature in hex.
func SignedByJobKey(id LeaseID, seconds int64, path string, body []byte) []byte {
	if path == "/leases" {
		path = ""
	} else {
		path += "\n"
	}
	return fmt.Appendf(nil, "guichet job key 1\n%s\n%d\n%x\n%s", id, seconds, sha256.Sum256(body), path)
}

// Order is the order of an epoch's rows, from which the parts of ranks are cut: as a
// stream's keys of the same names, said in full.
type Order struct {
	Seed  string `json:"seed,omitempty" doc:"a whole number; the stored order when left out" pattern:"^(0|[1-9][0-9]{0,19})?$"`
	Epoch int64  `json:"epoch,omitempty" minimum:"0"`
	Start string `json:"start,omitempty" doc:"earlier worlds of the epoch: rows@world, separated by commas" maxLength:"2000" pattern:"^((0|[1-9][0-9]{0,18})@[1-9][0-9]{0,5}(,(0|[1-9][0-9]{0,18})@[1-9][0-9]{0,5})*)?$"`
	Even  string `json:"even,omitempty" enum:",drop,pad"`

	Shuffle string `json:"shuffle,omitempty" doc:"what a seed orders; rows when left out, of order 1 windows" enum:",rows,windows"`
	Number  int    `json:"order,omitempty" doc:"of the order: 1, or 2 when left out" minimum:"0" maximum:"2"`
}

// Plain is the same order without what it would mean unsaid: two orders are one where their
// plain forms are equal.
func (o Order) Plain() Order {
	if o.Number == 1 && o.Shuffle == "windows" || o.Shuffle == "rows" {
		o.Shuffle = ""
	}
	if o.Number == 2 {
		o.Number = 0
	}
	return o
}

// LeaseItem is one agreement of a lease, always with its version; table, split
// and columns only where it was narrowed.
type LeaseItem struct {
	Agreement AgreementID `json:"agreement"`
	Version   VersionID   `json:"version,omitempty"`
	Table     string      `json:"table,omitempty"`
	Split     string      `json:"split,omitempty"`
	Columns   []string    `json:"columns,omitempty"`
}

// ReleaseState is how a release stands or ended.
type ReleaseState string

// States of a release; Unknown is what a crash leaves [decisions.md 18].
const (
	ReleaseOpen      ReleaseState = "open"
	ReleaseComplete  ReleaseState = "complete"
	ReleaseCut       ReleaseState = "cut"       // revoked, expired, budget spent
	ReleaseBroken    ReleaseState = "broken"    // store failed, fault of ours
	ReleaseAbandoned ReleaseState = "abandoned" // the client went away
	ReleaseUnknown   ReleaseState = "unknown"
	ReleaseByURL     ReleaseState = "by-url" // its URLs are dead; what was read with them is not known
)

// Release is one stream of record batches under an agreement. Rows and Bytes
// are what was sent (at most, while AtMost); Charged… what of it the
// agreement's budget paid (reserved, while open).
type Release struct {
	ID           ReleaseID     `json:"id"`
	Agreement    AgreementID   `json:"agreement"`
	Lease        LeaseID       `json:"lease"`
	Dataset      DatasetID     `json:"dataset"`
	Version      VersionID     `json:"version"`
	Table        string        `json:"table"`
	Split        string        `json:"split"`
	Participant  ParticipantID `json:"participant"`
	Provider     ParticipantID `json:"provider,omitempty" doc:"of the dataset; absent in releases of an earlier version, as purpose and action are"`
	Purpose      string        `json:"purpose,omitempty"`
	Action       string        `json:"action,omitempty"`
	Project      ProjectID     `json:"project"`
	Run          RunID         `json:"run,omitempty"`
	Factory      FactoryID     `json:"factory,omitempty"`
	Declared     bool          `json:"declared,omitempty" doc:"the place is the requester's word, not proven"`
	Door         string        `json:"door" doc:"http, shard, object, flight, s3; url: released by URL, not streamed"`
	Copy         LeaseID       `json:"copy,omitempty" doc:"the staged copy that it filled: its rows were staged, not streamed"`
	Ask          string        `json:"ask" doc:"seed, epoch, world, rank, from, start as asked"`
	Columns      string        `json:"columns,omitempty" doc:"names of the columns shown, as a JSON array; how many and the array's SHA-256 where it is long"`
	MostRows     int64         `json:"most_rows" doc:"the most that it can deliver"`
	MostBytes    int64         `json:"most_bytes"`
	Rows         int64         `json:"rows"`
	Bytes        int64         `json:"bytes"`
	Batches      int64         `json:"batches"`
	Reading      string        `json:"reading,omitempty" doc:"under a budget, the epoch and view in which the run is charged once for a row"`
	Accounts     []string      `json:"accounts,omitempty" doc:"the shared budgets that it is charged to"`
	ChargedRows  int64         `json:"charged_rows" doc:"rows of them that were charged to the agreement"`
	ChargedBytes int64         `json:"charged_bytes"`
	State        ReleaseState  `json:"state" enum:"open,complete,cut,broken,abandoned,unknown,by-url"`
	Cause        string        `json:"cause,omitempty"`
	Begun        time.Time     `json:"begun"`
	Ended        time.Time     `json:"ended,omitzero"`
	Begin        int64         `json:"begin_record" doc:"position of its begin record"`
	Replica      string        `json:"replica,omitempty"`
}

// AtMost says that its rows and bytes are an upper bound.
func (r *Release) AtMost() bool {
	return r.State == ReleaseOpen || r.State == ReleaseUnknown || r.State == ReleaseByURL
}

// NamedColumns reads what Release.Columns says: the names, or the one text about many.
func NamedColumns(s string) []string {
	var names []string
	if json.Unmarshal([]byte(s), &names) != nil {
		return []string{s}
	}
	return names
}

// Segment is a run of rows of one shard of a split, counted as the agreement's view
// shows them: [From, From+Rows).
type Segment struct {
	Shard int   `json:"s"`
	From  int64 `json:"f"`
	Rows  int64 `json:"n"`
}

// Unresolved gives the first column that an obligation hides or changes and that no
// table of the version has; "" when there is none.
func (a *Agreement) Unresolved(v *Version) string {
	for _, o := range a.Obligations {
		if o.Kind != DutyHide && o.Kind != DutyPseudonymise && o.Kind != DutyGeneralise {
			continue
		}
		for _, c := range o.Columns {
			if !v.Has(o.Table, c) {
				return c
			}
		}
	}
	return ""
}

// LeaseAsk is what POST /leases takes.
type LeaseAsk struct {
	Project ProjectID   `json:"project,omitempty" doc:"needed unless a lease is narrowed"`
	Run     RunID       `json:"run,omitempty"`
	Items   []LeaseItem `json:"items,omitempty" maxItems:"100" doc:"needed unless a lease is narrowed"`
	Rank    *int        `json:"rank,omitempty" minimum:"0"`
	World   *int        `json:"world,omitempty" minimum:"1" doc:"needed with a rank"`
	Order   *Order      `json:"order,omitempty"`
	Until   time.Time   `json:"until,omitzero" doc:"at most 15 minutes from now"`
	Copy    LeaseID     `json:"copy,omitempty" doc:"the staged copy that is filled with it; it says agreement and version"`
}

// JobKeyAsk is what a job key is asked for.
type JobKeyAsk struct {
	PublicKey []byte      `json:"public_key" doc:"the 32 bytes of an Ed25519 key in base64; the private half stays where the job runs"`
	Name      string      `json:"name,omitempty" maxLength:"200" doc:"what its owner calls it"`
	Run       RunID       `json:"run,omitempty" doc:"the only run for which leases are made with it"`
	Items     []LeaseItem `json:"items" minItems:"1" maxItems:"100" doc:"agreements of one project; of each one version, the newest when left out"`
	Until     time.Time   `json:"until,omitzero" doc:"two weeks from now when left out, at most 60 days; never beyond the first of its agreements"`
}

// LeaseAnswer is a lease with its bearer token, which is shown once.
type LeaseAnswer struct {
	Token   string    `json:"token" doc:"bearer token for byte doors"`
	Until   time.Time `json:"until"`
	EndsAt  time.Time `json:"ends_at" doc:"when the first of its agreements ends"`
	OnePart bool      `json:"one_part" doc:"it opens one part of the rows and no other: rank, world and order are bound"`
	Lease   Lease     `json:"lease"`
	S3      *S3Key    `json:"s3,omitempty" doc:"the same right for S3 clients, where the gateway has an S3 face; it ends with the lease"`
}

// S3Key is what an S3 client needs to read a lease's agreements, each of which is a bucket.
type S3Key struct {
	Endpoint        string `json:"endpoint" doc:"address of the S3 face; buckets are addressed by path"`
	Region          string `json:"region" doc:"any is taken"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key" doc:"shown once"`
}

// Stopped is what a stop did.
type Stopped struct {
	Participant ParticipantID `json:"participant"`
	Revoked     []AgreementID `json:"revoked"`
	Barred      bool          `json:"barred" doc:"the participant gets no new agreements and offers nothing until the stop is lifted"`
	Note        string        `json:"note" doc:"what the stop covers and what it leaves standing"`
}
