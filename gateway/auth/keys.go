package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"guichet/schemas"
)

// What an issuer may cost us, and how long its word counts.
const (
	maxAnswer   = 1 << 20          // bytes of one of its documents
	maxKeys     = 100              // keys read of one document
	fetchTime   = 10 * time.Second // for both documents
	fetchWait   = time.Second      // a caller waits for new keys while there are old ones
	fetchEvery  = 5 * time.Second  // between two fetches, whatever tokens come
	fetchAgain  = 30 * time.Second // after one that failed, while there are old keys
	keysFresh   = 5 * time.Minute  // after that they are fetched anew: a withdrawn key is good no longer
	keysOldest  = time.Hour        // while the issuer is away; after that nobody of it signs in
	maxRedirect = 3
)

// keyring is one issuer's public keys, as it serves them now. Safe for concurrent use.
type keyring struct {
	issuer  *Issuer
	client  *http.Client
	now     func() time.Time
	mu      sync.Mutex
	keys    []jose.JSONWebKey
	got     time.Time     // when keys were fetched
	tried   time.Time     // when it was last tried
	failed  error         // of that try
	running chan struct{} // closed when the fetch that runs is over; nil when none does
}

func newKeyring(is *Issuer, now func() time.Time) *keyring {
	return &keyring{issuer: is, now: now, client: is.HTTP(http.DefaultTransport)}
}

// origin is scheme, host and port of an address.
func origin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return "", fmt.Errorf("%.200q is not a web address", s)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port), nil
}

// errKeys says that the issuer's keys cannot be had now.
var errKeys = errors.New("no keys")

// verify gives what a token says, when a key of the issuer signed it. Errors: errKeys
// when its keys cannot be had; any other says that the signature does not hold.
func (k *keyring) verify(ctx context.Context, token string) ([]byte, error) {
	sig, err := jose.ParseSignedCompact(token, k.issuer.algorithms())
	if err != nil || len(sig.Signatures) != 1 {
		return nil, fmt.Errorf("the token is not a signed one: %w", err)
	}
	id := sig.Signatures[0].Header.KeyID
	keys, err := k.find(ctx, id)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		payload, err := sig.Verify(&keys[i])
		if err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("no key of the issuer verifies the signature")
}

// find gives the keys of an id, or all of them for a token that names none; it asks
// the issuer when the keys are not fresh or none has the id, at most once per
// fetchEvery.
func (k *keyring) find(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	have, age := k.having(id)
	if age < keysFresh && len(have) > 0 {
		return have, nil
	}
	err := k.refresh(ctx, age < keysOldest)
	have, age = k.having(id)
	if age >= keysOldest {
		return nil, fmt.Errorf("%w: %w", errKeys, err)
	}
	return have, nil // perhaps none: the issuer does not know the id
}

// having gives what is kept, and its age.
func (k *keyring) having(id string) ([]jose.JSONWebKey, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.got.IsZero() {
		return nil, keysOldest
	}
	age := k.now().Sub(k.got)
	if id == "" {
		return k.keys[:min(len(k.keys), 10)], age
	}
	var out []jose.JSONWebKey
	for _, key := range k.keys {
		if key.KeyID == id {
			out = append(out, key)
		}
	}
	return out, age
}

// refresh fetches the keys, once for all who wait, unless that was tried just now.
// Who has old ones does not wait long.
func (k *keyring) refresh(ctx context.Context, old bool) error {
	k.mu.Lock()
	pause := fetchEvery
	if old && k.failed != nil {
		pause = fetchAgain
	}
	if k.running == nil && !k.tried.IsZero() && k.now().Sub(k.tried) < pause {
		defer k.mu.Unlock()
		return k.failed
	}
	if k.running == nil {
		k.running, k.tried = make(chan struct{}), k.now()
		go k.run(context.WithoutCancel(ctx), k.running)
	}
	running := k.running
	k.mu.Unlock()
	wait := fetchTime
	if old {
		wait = fetchWait
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-running:
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.failed
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errors.New("the issuer takes long")
	}
}

// run is one fetch; who waits for it is told by closing done.
func (k *keyring) run(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	keys, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed, k.running = err, nil
	if err == nil {
		k.keys, k.got = keys, k.now()
	}
	close(done)
}

// fetch reads where the issuer has its keys, and then the keys. A key that cannot be
// read is passed over: one mistake of an issuer shuts nobody out.
func (k *keyring) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	err := k.get(ctx, strings.TrimSuffix(k.issuer.Issuer, "/")+"/.well-known/openid-configuration", &about)
	if err != nil {
		return nil, err
	}
	if about.Issuer != k.issuer.Issuer {
		return nil, fmt.Errorf("its description is of the issuer %.200q", about.Issuer)
	}
	err = k.issuer.allowed(about.Keys)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	err = k.get(ctx, about.Keys, &set)
	if err != nil {
		return nil, err
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (k *keyring) get(ctx context.Context, address string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("ask the issuer: %w", err)
	}
	resp, err := k.client.Do(r)
	if err != nil {
		return fmt.Errorf("ask the issuer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s at %s", resp.Status, address)
	}
	b, err := io.ReadAll(resp.Body)
	if err == nil && len(b) > maxAnswer {
		err = fmt.Errorf("its answer has more than %d bytes", maxAnswer)
	}
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", address, err)
	}
	return nil
}

// Check says what is wrong with the settings of an issuer. Errors: Invalid.
func (is *Issuer) Check() error {
	_, err := origin(is.Issuer)
	if err != nil {
		return schemas.BadField("settings", "issuers",
			"%q is not an issuer's address; write it as it stands in its tokens, like https://login.example", is.Issuer)
	}
	for _, s := range is.KeysFrom {
		_, err := origin(s)
		if err != nil {
			return schemas.BadField("settings", "issuers", "keys_from: %v; write it like https://keys.example", err)
		}
	}
	for _, a := range is.algorithms() {
		if !slices.Contains(
			[]jose.SignatureAlgorithm{
				jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512, jose.PS256, jose.PS384, jose.PS512,
				jose.EdDSA,
			},
			a,
		) {
			return schemas.BadField("settings", "issuers", "algorithms: %q signs with no public key that is read here; RS256 and ES256 are usual", a)
		}
	}
	if is.Lifetime != "" {
		d, err := time.ParseDuration(is.Lifetime)
		if err != nil || d <= 0 {
			return schemas.BadField("settings", "issuers", "lifetime: %q is not a span of time; write it like 12h", is.Lifetime)
		}
	}
	if is.Joining && (is.Own || len(is.Participants) > 0) {
		return schemas.BadField("settings", "issuers",
			"joining: %s is bound by own or participants already; one of the three is enough", is.Issuer)
	}
	return is.checkWeb()
}

// algorithms are those that its tokens may be signed with.
func (is *Issuer) algorithms() []jose.SignatureAlgorithm {
	if len(is.Algorithms) == 0 {
		return []jose.SignatureAlgorithm{jose.RS256, jose.ES256}
	}
	out := make([]jose.SignatureAlgorithm, len(is.Algorithms))
	for i, a := range is.Algorithms {
		out[i] = jose.SignatureAlgorithm(a)
	}
	return out
}

// lifetime bounds its tokens.
func (is *Issuer) lifetime() time.Duration {
	d, err := time.ParseDuration(is.Lifetime)
	if err != nil || d <= 0 {
		return 24 * time.Hour
	}
	return d
}

// access says whether claims are an access token's, as far as it can be told: an ID
// token says to a client who signed in, and opens nothing.
func (c *claims) access() bool {
	kind := strings.ToLower(c.Kind) // Keycloak's: Bearer, ID, Refresh, Logout
	if kind != "" && kind != "bearer" && kind != "at+jwt" && kind != "jwt" {
		return false
	}
	return c.AccessHash == "" && c.CodeHash == "" && (c.Nonce == "" || kind == "bearer")
}

// client is who the token was given to.
func (c *claims) client() string {
	if c.Party != "" {
		return c.Party
	}
	return c.Client
}

// headType says whether the header's type is one of an access token [RFC 9068 §2.1].
func headType(typ string) bool {
	return slices.Contains([]string{"", "jwt", "at+jwt", "application/at+jwt"}, strings.ToLower(typ))
}
