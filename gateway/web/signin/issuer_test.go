package signin

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// issuer is a small OIDC issuer that signs everybody in as ada, without asking. Refresh tokens
// are good once, and one that comes again ends all that came of it.
type issuer struct {
	*httptest.Server
	t   *testing.T
	now func() time.Time

	mu       sync.Mutex
	life     time.Duration         // of access tokens
	codes    map[string]url.Values // what was asked for, by code
	refresh  string                // the one that is good
	burnt    bool                  // one came again
	renewals int                   // how many were asked for
	asked    url.Values            // of the last sign-in
	id       map[string]any        // lies of ID tokens
	access   map[string]any        // lies of access tokens
	about    map[string]any        // lies of the description
	refuse   int                   // status of the token endpoint; 0: as it should
	hold     chan struct{}         // a renewal waits for it, unless nil
	answer   func(q url.Values)    // changes what the browser brings back
	grants   func(form url.Values) // sees what comes to the token endpoint
}

var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newIssuer(t *testing.T, now func() time.Time) *issuer {
	t.Helper()
	is := &issuer{t: t, now: now, life: time.Hour, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", is.describe)
	mux.HandleFunc("GET /keys", is.keys)
	mux.HandleFunc("GET /authorize", is.authorize)
	mux.HandleFunc("POST /token", is.token)
	is.Server = httptest.NewServer(mux)
	t.Cleanup(is.Close)
	return is
}

// set changes what the issuer does.
func (is *issuer) set(f func(is *issuer)) {
	is.mu.Lock()
	defer is.mu.Unlock()
	f(is)
}

func (is *issuer) say(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (is *issuer) describe(w http.ResponseWriter, _ *http.Request) {
	is.mu.Lock()
	defer is.mu.Unlock()
	v := map[string]any{"issuer": is.URL, "jwks_uri": is.URL + "/keys", "authorization_endpoint": is.URL + "/authorize",
		"token_endpoint": is.URL + "/token", "id_token_signing_alg_values_supported": []string{"RS256"}}
	maps.Copy(v, is.about)
	is.say(w, http.StatusOK, v)
}

func (is *issuer) keys(w http.ResponseWriter, _ *http.Request) {
	key, err := signingKey()
	if err != nil {
		is.t.Error(err)
		return
	}
	is.say(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "e": "AQAB",
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes())}}})
}

func (is *issuer) authorize(w http.ResponseWriter, r *http.Request) {
	is.mu.Lock()
	defer is.mu.Unlock()
	q := r.URL.Query()
	is.asked = q
	code := rand.Text()
	is.codes[code] = q
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	if is.answer != nil {
		is.answer(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (is *issuer) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	is.mu.Lock()
	defer is.mu.Unlock()
	if is.grants != nil {
		form := maps.Clone(r.PostForm)
		if name, secret, basic := r.BasicAuth(); basic {
			form["basic"] = []string{name, secret}
		}
		is.grants(form)
	}
	no := func(code string) {
		is.say(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": "<script>"})
	}
	if is.refuse != 0 {
		is.say(w, is.refuse, map[string]string{"error": "invalid_client"})
		return
	}
	nonce := ""
	if r.PostForm.Get("grant_type") == "refresh_token" {
		is.renewals++
		if hold := is.hold; hold != nil {
			is.mu.Unlock()
			<-hold
			is.mu.Lock()
		}
		if r.PostForm.Get("refresh_token") != is.refresh || is.burnt {
			is.burnt = true
			no("invalid_grant")
			return
		}
	} else {
		q, ok := is.codes[r.PostForm.Get("code")]
		delete(is.codes, r.PostForm.Get("code"))
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		if !ok || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) ||
			q.Get("redirect_uri") != r.PostForm.Get("redirect_uri") {
			no("invalid_grant")
			return
		}
		nonce = q.Get("nonce")
	}
	is.refresh = rand.Text()
	id := map[string]any{"iss": is.URL, "sub": "ada", "aud": "pages", "iat": is.now().Unix(), "exp": is.now().Add(time.Hour).Unix(), "nonce": nonce}
	access := map[string]any{"iss": is.URL, "sub": "ada", "aud": "guichet", "iat": is.now().Unix(), "exp": is.now().Add(is.life).Unix(),
		"roles": []string{"trainer"}, "jti": rand.Text()}
	maps.Copy(id, is.id)
	maps.Copy(access, is.access)
	is.say(w, http.StatusOK, map[string]any{"access_token": is.sign(access), "id_token": is.sign(id), "refresh_token": is.refresh,
		"token_type": "Bearer", "expires_in": int(is.life / time.Second)})
}

// sign makes a token.
func (is *issuer) sign(claims map[string]any) string {
	key, err := signingKey()
	if err != nil {
		is.t.Error(err)
		return ""
	}
	b, err := json.Marshal(claims)
	if err != nil {
		is.t.Error(err)
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + base64.RawURLEncoding.EncodeToString(b)
	sum := sha256.Sum256([]byte(head))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		is.t.Error(fmt.Errorf("sign: %w", err))
	}
	return head + "." + base64.RawURLEncoding.EncodeToString(sig)
}
