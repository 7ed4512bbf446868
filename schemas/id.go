package schemas

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Identifiers are distinct types: swapping two must not compile. Minted ones
// are a prefix, a dash and 20 characters of lower-case base32 (100 random
// bits), safe as DNS labels and as bucket names [decisions.md 21, 33a].
type (
	DatasetID     string // ds-…
	AgreementID   string // agr-…
	RequestID     string // req-…; a granted request is the permit, with the same id
	RunID         string // run-…
	ReleaseID     string // rel-…
	LeaseID       string // lease-…, of a job key jobkey-…, of a staged copy copy-…
	ParticipantID string // URL or did of an organisation
	ProjectID     string // chosen by the lead partner: a slug
	FactoryID     string // chosen by the operator: a slug such as lumi
	StoreID       string // chosen by the operator: a slug
	SourceID      string // chosen by the operator: a slug, of a catalogue that is harvested
	SpaceID       string // folder name of a data-space profile: health, energy, …
	VersionID     string // chosen by the provider: a slug such as 2026-01
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func mint(prefix string) string {
	b := make([]byte, 13)
	rand.Read(b) // never fails [crypto/rand]
	return prefix + "-" + idEncoding.EncodeToString(b)[:20]
}

// NewDatasetID mints an id.
func NewDatasetID() DatasetID { return DatasetID(mint("ds")) }

// NewAgreementID mints an id.
func NewAgreementID() AgreementID { return AgreementID(mint("agr")) }

// NewRequestID mints an id.
func NewRequestID() RequestID { return RequestID(mint("req")) }

// NewRunID mints an id.
func NewRunID() RunID { return RunID(mint("run")) }

// NewReleaseID mints an id.
func NewReleaseID() ReleaseID { return ReleaseID(mint("rel")) }

// NewLeaseID mints an id.
func NewLeaseID() LeaseID { return LeaseID(mint("lease")) }

// NewJobKeyID mints an id.
func NewJobKeyID() LeaseID { return LeaseID(mint("jobkey")) }

// NewCopyID mints an id.
func NewCopyID() LeaseID { return LeaseID(mint("copy")) }

// IsParticipantID says whether an organisation may have this id: a URL with a host, or
// a did.
func IsParticipantID(id string) bool {
	u, err := url.Parse(id)
	switch {
	case err != nil || len(id) > 512:
		return false
	case u.Scheme == "did":
		return u.Opaque != ""
	}
	return (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// IsCountryCode says whether s looks like an ISO 3166-1 alpha-2 code.
func IsCountryCode(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// SlugInWords is what IsSlug asks for, as messages say it.
const SlugInWords = "1 to 64 of a–z, 0–9, dash, dot and underscore, and begins with a letter or digit"

// PatternInWords says what a pattern of our schemas asks for; false for one that has no
// words.
func PatternInWords(pattern string) (string, bool) {
	words, ok := map[string]string{
		`^[A-Z]{2}$`:                             "a country is two capital letters (ISO 3166-1 alpha-2), such as FR",
		`^[A-Z_]+$`:                              "a theme is a code of the EU data themes in capitals, such as AGRI, ENER, HEAL, TRAN",
		`^[a-z0-9][a-z0-9._-]{0,63}$`:            "a name has " + SlugInWords,
		`^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$`:     "a day is written YYYY, YYYY-MM or YYYY-MM-DD",
		`^([A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*)?$`: "texts are given by language tag (BCP 47), as in {en: Grain yields}",
		`^(0|[1-9][0-9]{0,19})?$`:                "a seed is a whole number from 0 to 18446744073709551615",
		`^((0|[1-9][0-9]{0,18})@[1-9][0-9]{0,5}(,(0|[1-9][0-9]{0,18})@[1-9][0-9]{0,5})*)?$`: "a start is rows@world, for instance 1000@8, or a chain of such, separated by commas",
		`^sha256:[0-9a-f]{64}$`: "a digest is written sha256: and 64 hexadecimal digits",
	}[pattern]
	return words, ok
}

// IsSlug says whether s may be a chosen id: 1 to 64 of a–z, 0–9, dash, dot and
// underscore, beginning with a letter or digit.
func IsSlug(s string) bool {
	if len(s) == 0 || len(s) > 64 || strings.ContainsRune("-._", rune(s[0])) {
		return false
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_') {
			return false
		}
	}
	return true
}

// IsText says whether s can be a name or a word here: UTF-8 without NUL, at most so
// many bytes.
func IsText(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// UploadPrefix is where a provider's uploaded files lie in the work bucket. Its
// keys belong to the provider alone: the name is made of its id, not chosen by it.
func UploadPrefix(provider ParticipantID) string {
	sum := sha256.Sum256([]byte(provider))
	return "uploads/" + hex.EncodeToString(sum[:16]) + "/"
}
