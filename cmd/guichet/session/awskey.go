package session

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"guichet/cmd/guichet/files"
)

// AWSKey is a lease's S3 key as a credential_process prints it [AWS SDKs and Tools Reference
// Guide, Process credential provider].
type AWSKey struct {
	Version         int    // 1
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Expiration      time.Time
}

// awsKeyLeft is how much of a key's time must be left for it to be given again.
const awsKeyLeft = 5 * time.Minute

// KeptAWSKey gives the last key that was kept for what said names (server, caller, agreements)
// while enough of its time is left, else another one that mint makes. botocore asks at each
// request once less than 15 minutes are left of the last key, which is a lease's whole life:
// without keeping it there would be a lease in the record for each request.
func KeptAWSKey(said []string, mint func() (AWSKey, error)) (AWSKey, error) {
	beside, err := File()
	if err != nil {
		return AWSKey{}, err
	}
	signedIn, _ := os.ReadFile(beside) // nobody is where there is none
	sum := sha256.Sum256([]byte(strings.Join(append(said, os.Getenv("GUICHET_TOKEN"), string(signedIn)), "\x00")))
	path := filepath.Join(filepath.Dir(beside), "s3-"+hex.EncodeToString(sum[:8])+".json")
	var key AWSKey
	kept, err := files.Secret(path)
	if err == nil && json.Unmarshal([]byte(kept), &key) == nil && time.Until(key.Expiration) > awsKeyLeft {
		return key, nil
	}
	key, err = mint()
	if err != nil {
		return key, err
	}
	return key, key.keep(path)
}

// keep writes the key whole, for its owner alone.
func (k AWSKey) keep(path string) error {
	b, err := json.Marshal(k)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return fmt.Errorf("keep the S3 key: %w", err)
	}
	f, err := files.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err != nil {
		return fmt.Errorf("keep the S3 key: %w", err)
	}
	return f.Keep()
}
