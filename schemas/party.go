package schemas

import (
	"net/mail"
	"net/url"
	"time"
)

// Role is what a participant or a person does here.
type Role string

// The four roles [architecture.md].
const (
	RoleProvider Role = "provider"
	RoleTrainer  Role = "trainer"
	RoleOfficer  Role = "officer"
	RoleOperator Role = "operator"
)

// ParticipantKind is the sort of organisation.
type ParticipantKind string

// Kinds of participants; EHDS art. 53(2) needs to know public bodies.
const (
	KindStartUp      ParticipantKind = "start-up"
	KindSME          ParticipantKind = "sme"
	KindLargeCompany ParticipantKind = "large-company"
	KindResearch     ParticipantKind = "research"
	KindPublicBody   ParticipantKind = "public-body"
)

// ParticipantKinds lists every kind.
func ParticipantKinds() []ParticipantKind {
	return []ParticipantKind{KindStartUp, KindSME, KindLargeCompany, KindResearch, KindPublicBody}
}

// Participant is an organisation.
type Participant struct {
	ID       ParticipantID   `json:"id" doc:"URL or did" maxLength:"400"`
	Name     string          `json:"name" minLength:"1" maxLength:"256"`
	Country  string          `json:"country" doc:"ISO 3166-1 alpha-2" pattern:"^[A-Z]{2}$"`
	Kind     ParticipantKind `json:"kind" enum:"start-up,sme,large-company,research,public-body"`
	Roles    []Role          `json:"roles" doc:"what it may act as"`
	Members  []Member        `json:"members,omitempty" doc:"persons and clients that act for it"`
	Notify   *Notify         `json:"notify,omitempty" doc:"how it is told that a request waits for it, or was decided"`
	Stopped  bool            `json:"stopped,omitempty" doc:"set by POST …/stop, lifted by POST …/unstop alone" readOnly:"true"`
	StopBy   ParticipantID   `json:"stopped_by,omitempty" doc:"the operator that stopped it" readOnly:"true"`
	StopAt   time.Time       `json:"stopped_at,omitzero" readOnly:"true"`
	StopFor  string          `json:"stopped_for,omitempty" doc:"why" readOnly:"true"`
	Revision int64           `json:"revision,omitempty" readOnly:"true"`
}

// Member binds a user, (issuer, subject), to a participant. Effective roles are token ∩ issuer's binding ∩ these [decisions.md 2].
type Member struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	Roles   []Role `json:"roles"`
}

// Factory is a site that trains.
type Factory struct {
	ID         FactoryID `json:"id" doc:"slug" pattern:"^[a-z0-9][a-z0-9._-]{0,63}$"`
	Name       string    `json:"name"`
	Country    string    `json:"country" pattern:"^[A-Z]{2}$"`
	Egress     []string  `json:"egress,omitempty" doc:"CIDR networks from which its jobs reach us; none: the place is declared, not enforced; shown to operators, officers and providers"`
	Proven     bool      `json:"proven,omitempty" readOnly:"true" doc:"streams open only from its networks"`
	Contact    string    `json:"contact,omitempty" doc:"who helps there: an address of mail or a URL" maxLength:"320"`
	Regions    []string  `json:"regions,omitempty" doc:"S3 regions near to it"`
	Partitions []string  `json:"partitions,omitempty" doc:"Slurm partitions"`
	Secure     bool      `json:"secure,omitempty" doc:"a secure processing environment [EHDS art. 73]"`
	Revision   int64     `json:"revision,omitempty" readOnly:"true"`
}

// Project is one undertaking of one or more partners at a factory.
type Project struct {
	ID          ProjectID       `json:"id" doc:"slug" pattern:"^[a-z0-9][a-z0-9._-]{0,63}$"`
	Title       string          `json:"title" minLength:"1" maxLength:"300"`
	Description string          `json:"description,omitempty" doc:"what it is about, for those whose data it asks for" maxLength:"4000"`
	Lead        ParticipantID   `json:"lead,omitempty" doc:"the caller's participant when left out"`
	Partners    []ParticipantID `json:"partners,omitempty"`
	Factory     FactoryID       `json:"factory"`
	Purposes    []string        `json:"purposes" doc:"ids of the purpose vocabulary" minItems:"1" maxItems:"100"`
	Domain      SpaceID         `json:"domain,omitempty"`
	From        time.Time       `json:"from,omitzero"`
	Until       time.Time       `json:"until,omitzero"`
	BudgetRows  int64           `json:"budget_rows,omitempty" doc:"what the project means to read; noted, not enforced: budgets are the offers'"`
	Funding     *Funding        `json:"funding,omitempty"`
	Outcomes    []string        `json:"outcomes,omitempty" maxItems:"100" doc:"of at most 2000 bytes each"`
	Call        string          `json:"call,omitempty" readOnly:"true" doc:"that it runs under: set where it is admitted"`
	Revision    int64           `json:"revision,omitempty" readOnly:"true"`
}

// Funding is where a project's money comes from, for the follow-up of calls.
type Funding struct {
	Programme     string  `json:"programme,omitempty" maxLength:"300"`
	Call          string  `json:"call,omitempty" maxLength:"300"`
	Grant         string  `json:"grant,omitempty" maxLength:"300"`
	EUShare       float64 `json:"eu_share,omitempty" minimum:"0" maximum:"1"`
	NationalShare float64 `json:"national_share,omitempty" minimum:"0" maximum:"1"`
}

// Store is an S3 store of the operator's, with the prefixes in it that belong
// to providers [decisions.md 1].
type Store struct {
	ID             StoreID  `json:"id" doc:"slug" pattern:"^[a-z0-9][a-z0-9._-]{0,63}$"`
	Endpoint       string   `json:"endpoint" doc:"http(s)://host[:port]"`
	Region         string   `json:"region"`
	PublicEndpoint string   `json:"public_endpoint,omitempty" doc:"where jobs reach the store with URLs, over TLS; endpoint when left out"`
	CredentialRef  string   `json:"credential_ref" doc:"name of a credential in the operator's configuration"`
	Own            bool     `json:"own,omitempty" doc:"the operator answers for the store's bytes: the gateway does not compare them with the published checksums while they pass"`
	WorkBucket     string   `json:"work_bucket,omitempty" doc:"bucket into which rewritten shards and views go; one store has it"`
	Prefixes       []Prefix `json:"prefixes,omitempty"`
	Revision       int64    `json:"revision,omitempty" readOnly:"true"`
}

// Prefix is a part of a store that belongs to a participant.
type Prefix struct {
	Participant ParticipantID `json:"participant"`
	Bucket      string        `json:"bucket"`
	Prefix      string        `json:"prefix" doc:"ends with /"`
}

// Run is one job of a project at a factory.
type Run struct {
	ID         RunID     `json:"id"`
	Project    ProjectID `json:"project"`
	Factory    FactoryID `json:"factory"`
	ExternalID string    `json:"external_id,omitempty" doc:"e.g. the Slurm job id" maxLength:"256"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended,omitzero" readOnly:"true" doc:"when a partner said that it is over: nothing is read in its name any more"`
	Outputs    []Output  `json:"outputs,omitempty"`
	Revision   int64     `json:"revision,omitempty"`

	Inputs       []RunInput `json:"inputs,omitempty" readOnly:"true" doc:"of one run that is read: what its streams sent, never stored"`
	OtherStreams int        `json:"other_streams,omitempty" readOnly:"true" doc:"streams of other partners, under agreements that the caller may not see"`
}

// RunInput is what the streams of a run sent of one split of a version, over all epochs
// and ranks: a row that was sent twice counts twice.
type RunInput struct {
	Agreement AgreementID   `json:"agreement"`
	Dataset   DatasetID     `json:"dataset"`
	Provider  ParticipantID `json:"provider,omitempty"`
	Version   VersionID     `json:"version"`
	Table     string        `json:"table"`
	Split     string        `json:"split"`
	Columns   []string      `json:"columns,omitempty" doc:"all that were shown; of a long list its number and digest"`
	Rows      int64         `json:"rows"`
	Bytes     int64         `json:"bytes"`
	Streams   int           `json:"streams"`
	AtMost    bool          `json:"at_most,omitempty" doc:"a stream still runs, its end is not known, or it was released by URL: rows and bytes are the most that it can have been"`
	From      time.Time     `json:"from" doc:"when the first of them began"`
	Until     time.Time     `json:"until,omitzero" doc:"when the last one ended"`
}

// Output is what came out of a run.
type Output struct {
	Kind   string    `json:"kind" enum:"model,dataset,metrics"`
	Name   string    `json:"name" minLength:"1" maxLength:"256"`
	Digest string    `json:"digest" pattern:"^sha256:[0-9a-f]{64}$"`
	At     time.Time `json:"at,omitzero" readOnly:"true"`
}

// Principal is who calls: a user or client of a participant, as authentication
// found it. The zero value is a stranger.
type Principal struct {
	Issuer      string
	Subject     string
	Participant ParticipantID
	Roles       []Role
	Mail        string // that the issuer says and verified; "" for none
}

// SignedIn says whether there is a caller at all.
func (p Principal) SignedIn() bool { return p.Subject != "" }

// Has says whether the caller acts in role r.
func (p Principal) Has(r Role) bool {
	for _, have := range p.Roles {
		if have == r {
			return true
		}
	}
	return false
}

// Sight is what a caller may know to exist; policy gives it, the catalogue obeys
// it. The zero value sees nothing.
type Sight struct {
	Everyone    bool          // datasets visible to everyone
	SignedIn    bool          // and those for signed-in callers
	Participant ParticipantID // and its own, and those that list it
	All         bool          // and everything else: officers, operators
}

// Sees says whether a dataset is visible.
func (s Sight) Sees(d *Dataset) bool {
	if s.All {
		return true
	}
	if d.Withdrawn && d.Provider != s.Participant {
		return false
	}
	if s.Participant != "" && (d.Provider == s.Participant || d.AccessBody == s.Participant) {
		return true
	}
	switch d.Visibility {
	case "", VisibleToEveryone:
		return s.Everyone
	case VisibleToSignedIn:
		return s.SignedIn
	case VisibleToListed:
		for _, p := range d.VisibleTo {
			if p == s.Participant && p != "" {
				return true
			}
		}
	}
	return false
}

// IsContact says whether a text is an address of mail or of the web.
func IsContact(s string) bool {
	if len(s) > 320 {
		return false
	}
	a, err := mail.ParseAddress(s)
	if err == nil && a.Address == s {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// Notify says how an organisation is told what waits for it, or was decided.
type Notify struct {
	URL  string `json:"url,omitempty" maxLength:"2048" doc:"address of a webhook: https://, or http:// on this machine; each call is signed"`
	Mail string `json:"mail,omitempty" maxLength:"320" doc:"address of mail, where the gateway's settings name a mail server"`
}

// Kinds of notices.
const (
	NoticePending   = "request.pending"   // to who reviews a request
	NoticeDecided   = "request.decided"   // to who asked
	NoticeWithdrawn = "request.withdrawn" // to who reviews it
)

// The ways by which a notice goes.
const (
	ByWebhook = "webhook"
	ByMail    = "mail"
)

// Notice is one thing that an organisation is told, by one way. It names what happened and
// where to look, and holds nothing that the recipient may not read there.
type Notice struct {
	ID       string        `json:"id"`
	Type     string        `json:"type" enum:"request.pending,request.decided,request.withdrawn"`
	At       time.Time     `json:"timestamp"`
	To       ParticipantID `json:"to"`
	By       string        `json:"by" doc:"webhook or mail"`
	Request  RequestID     `json:"request"`
	Asker    ParticipantID `json:"asker"`
	Project  ProjectID     `json:"project"`
	Purpose  string        `json:"purpose"`
	State    RequestState  `json:"state"`
	Datasets []DatasetID   `json:"datasets" doc:"of the recipient, or of the asker's own request"`
}

// NewNoticeID mints an id.
func NewNoticeID() string { return mint("msg") }

// Identity is who the gateway takes a caller for.
type Identity struct {
	Issuer      string        `json:"iss"`
	Subject     string        `json:"sub"`
	Participant ParticipantID `json:"participant,omitempty" doc:"absent while no participant has the caller as a member"`
	Roles       []Role        `json:"roles" doc:"what token, issuer and membership give together"`
}

// SignInAt is an issuer at which people sign in here.
type SignInAt struct {
	Issuer string `json:"iss"`
	Name   string `json:"name" doc:"what people know it by"`
	Client string `json:"client,omitempty" doc:"its client for device authorization [RFC 8628], with which guichet login signs people in"`
}
