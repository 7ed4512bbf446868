package budget

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"guichet/connectors/db"
	"guichet/connectors/db/indexes"
	"guichet/policy"
	"guichet/policy/call"
	"guichet/schemas"
)

// Account is a budget with what was taken of it. A budget of the terms is for a project,
// over all of its agreements on the dataset, and for an organisation over all of its
// projects: those it makes as it likes. That of a call is for all of its projects, as the call has it now. What a request
// bound itself to is for its agreement. Putting the same budget again goes on counting; a provider who puts another
// one, or under another rule, begins anew.
type Account struct {
	Duty        *schemas.Duty
	ID          string // "": the agreement's own columns
	of          payer
	rows, bytes int64 // given out for good
	heldRows    int64 // and reserved
	heldBytes   int64
}

// Purse is every budget that an agreement is under; empty where there is none.
type Purse []Account

// payer is whom a budget is for: a project, an organisation, or all projects of a call. Their ids never are the
// same: those of organisations are URLs, those of calls begin with call:.
type payer struct {
	id           string
	organisation bool
	call         string
}

// ofCall is all projects of a call.
func ofCall(id call.ID) payer { return payer{id: "call:" + id, call: id} }

// payers gives whom the budgets of an agreement are for: its project, the organisation
// that asked, and the project's lead, so that nobody gets more by asking through another.
func payers(project schemas.ProjectID, asker, lead schemas.ParticipantID) []payer {
	out := []payer{{id: string(project)}, {id: string(asker), organisation: true}}
	if lead != asker {
		out = append(out, payer{id: string(lead), organisation: true})
	}
	return slices.DeleteFunc(out, func(o payer) bool { return o.id == "" })
}

// account names a payer's account of a budget of the terms.
func (w payer) account(dataset schemas.DatasetID, o *schemas.Duty) string {
	if w.call != "" {
		return call.Account(w.call)
	}
	kind := "guichet account 1"
	if w.organisation {
		kind = "guichet account 1 of an organisation"
	}
	b, _ := json.Marshal([]any{kind, dataset, w.id, o.Rule, o.Rows, o.Bytes}) // texts and numbers: cannot fail
	sum := sha256.Sum256(b)
	return "acc-" + hex.EncodeToString(sum[:20])
}

// RuleOfRequest is the rule of a budget to which a request bound itself.
const RuleOfRequest = "request"

// Of reads the accounts of an agreement.
func Of(ctx context.Context, q db.Querier, a *schemas.Agreement) (Purse, error) {
	if !slices.ContainsFunc(a.Obligations, func(o schemas.Duty) bool { return o.Kind == schemas.DutyBudget }) {
		return nil, nil
	}
	project, _, err := db.Get[schemas.Project](ctx, q, "project", string(a.Project))
	if err != nil {
		return nil, err
	}
	p := budgets(a.Dataset, payers(a.Project, a.Participant, project.Lead), a.Obligations)
	for i := range p {
		c := &p[i]
		if c.ID == "" {
			c.rows, c.bytes = a.RowsUsed, a.BytesUsed
			continue
		}
		if c.of.call != "" {
			c.Duty, err = call.Now(ctx, q, c.Duty)
			if err != nil {
				return nil, err
			}
		}
		err := c.read(ctx, q)
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// budgets gives the accounts of obligations, as nobody has used them.
func budgets(dataset schemas.DatasetID, whose []payer, obligations []schemas.Duty) Purse {
	var out Purse
	for i := range obligations {
		o := &obligations[i]
		if o.Kind != schemas.DutyBudget {
			continue
		}
		if o.Rule == RuleOfRequest {
			out = append(out, Account{Duty: o})
			continue
		}
		of := whose
		if id := call.OfDuty(o); id != "" {
			of = []payer{ofCall(id)}
		}
		for _, w := range of {
			c := Account{Duty: o, ID: w.account(dataset, o), of: w}
			if !slices.ContainsFunc(out, func(have Account) bool { return have.ID == c.ID }) {
				out = append(out, c)
			}
		}
	}
	return out
}

// Judge says in decisions that are no refusal what their budgets still give to the
// project and its organisation, and refuses where that is nothing: an agreement would open no stream.
func Judge(ctx context.Context, q db.Querier, decisions []schemas.Decision, f policy.Attributes, datasets []*schemas.Dataset) error {
	var used map[string]Account
	for i := range decisions {
		dec := &decisions[i]
		whose := payers(f.Project.ID, f.Participant.ID, f.Project.Lead)
		p := budgets(datasets[i].ID, whose, dec.Obligations)
		if f.Project.ID == "" || len(p) == 0 {
			continue
		}
		if used == nil { // one look for a whole search
			var err error
			used, err = accountsOf(ctx, q, append(slices.Clip(whose), ofCall(f.Project.Call)))
			if err != nil {
				return err
			}
		}
		for k := range p {
			have := used[p[k].ID]
			have.Duty, have.ID, have.of = p[k].Duty, p[k].ID, p[k].of
			p[k] = have
		}
		dec.Left = p.Shown()
		rows, bytes, tight := p.Left()
		if rows == 0 || bytes == 0 {
			policy.Refuse(dec, schemas.Reason{Rule: tight.Duty.Rule, Source: tight.Duty.Source, Text: tight.Used(), Remedy: tight.Remedy()})
		}
	}
	return nil
}

// Remedy says what helps where a budget is spent.
func (c *Account) Remedy() string {
	if c.of.call != "" {
		return "let running streams end, or ask whoever answers for the call " + c.of.call + " for a larger budget"
	}
	return "let running streams end, or ask the provider for a larger budget"
}

// accountsOf reads every account of some payers.
func accountsOf(ctx context.Context, q db.Querier, whose []payer) (map[string]Account, error) {
	var args []any
	for _, w := range whose {
		args = append(args, w.id)
	}
	rows, err := q.Query(
		ctx,
		`SELECT id, rows_used, bytes_used, rows_held, bytes_held FROM account WHERE project IN (?`+strings.Repeat(", ?", len(args)-1)+`)`,
		args...)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	defer rows.Close()
	out := map[string]Account{}
	for rows.Next() {
		var c Account
		err := rows.Scan(&c.ID, &c.rows, &c.bytes, &c.heldRows, &c.heldBytes)
		if err != nil {
			return nil, fmt.Errorf("read accounts: %w", err)
		}
		out[c.ID] = c
	}
	return out, rows.Err()
}

// read reads what an account holds; one that was never used holds nothing.
func (c *Account) read(ctx context.Context, q db.Querier) error {
	err := q.QueryRow(ctx, `SELECT rows_used, bytes_used, rows_held, bytes_held FROM account WHERE id = ?`, c.ID).
		Scan(&c.rows, &c.bytes, &c.heldRows, &c.heldBytes)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read account %s: %w", c.ID, err)
	}
	return nil
}

// left gives what an account still gives; without a limit that is more than there is.
func (c *Account) left() (rows, bytes int64) {
	rows, bytes = math.MaxInt64, math.MaxInt64
	if c.Duty.Rows > 0 {
		rows = max(c.Duty.Rows-c.rows-c.heldRows, 0)
	}
	if c.Duty.Bytes > 0 {
		bytes = max(c.Duty.Bytes-c.bytes-c.heldBytes, 0)
	}
	return rows, bytes
}

// Left gives what the budgets leave together, and the one to name when that is too little:
// the first that is spent, else the first. It is nil without any.
func (p Purse) Left() (rows, bytes int64, tight *Account) {
	rows, bytes = math.MaxInt64, math.MaxInt64
	empty := false
	for i := range p {
		r, b := p[i].left()
		rows, bytes = min(rows, r), min(bytes, b)
		if now := r == 0 || b == 0; tight == nil || now && !empty {
			tight, empty = &p[i], now
		}
	}
	return rows, bytes, tight
}

// Shown is what the budgets leave, as people read it; nil without any.
func (p Purse) Shown() *schemas.Left {
	if len(p) == 0 {
		return nil
	}
	rows, bytes, _ := p.Left()
	out := &schemas.Left{}
	if rows < math.MaxInt64 {
		out.Rows = &rows
	}
	if bytes < math.MaxInt64 {
		out.Bytes = &bytes
	}
	return out
}

// Used says of a budget how much of it is used.
func (c *Account) Used() string {
	var parts []string
	if c.Duty.Rows > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d rows", c.rows+c.heldRows, c.Duty.Rows))
	}
	if c.Duty.Bytes > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d bytes", c.bytes+c.heldBytes, c.Duty.Bytes))
	}
	whom := "by the project, over all of its agreements on the dataset"
	switch {
	case c.ID == "":
		whom = "under this agreement, whose request asked for no more"
	case c.of.call != "":
		whom = "by all projects of the call " + c.of.call + " together"
	case c.of.organisation:
		whom = "by " + c.of.id + ", over all of its projects"
	}
	return fmt.Sprintf("the budget is spent: %s used or reserved %s", strings.Join(parts, " and "), whom)
}

// IDs are the accounts that are shared.
func (p Purse) IDs() []string {
	var out []string
	for _, c := range p {
		if c.ID != "" {
			out = append(out, c.ID)
		}
	}
	return out
}

// Reserve reserves a slice in every account.
func (p Purse) Reserve(ctx context.Context, tx *db.Tx, a *schemas.Agreement, rows, bytes int64) error {
	for i := range p {
		c := &p[i]
		c.heldRows, c.heldBytes = c.heldRows+rows, c.heldBytes+bytes
		if c.ID == "" {
			continue
		}
		_, err := tx.Exec(
			ctx,
			`INSERT INTO account (id, dataset, project, rows_used, bytes_used, rows_held, bytes_held) VALUES (?, ?, ?, 0, 0, ?, ?)
			ON CONFLICT (id) DO UPDATE
			SET rows_held = account.rows_held + excluded.rows_held, bytes_held = account.bytes_held + excluded.bytes_held`,
			c.ID, c.dataset(a), c.of.id, rows, bytes,
		)
		if err != nil {
			return fmt.Errorf("charge account %s: %w", c.ID, err)
		}
	}
	return nil
}

// dataset is that of which an account counts; "" for all.
func (c *Account) dataset(a *schemas.Agreement) string {
	if c.of.call != "" {
		return ""
	}
	return string(a.Dataset)
}

// Charge takes what an ended release had reserved out of the accounts that it
// named when it began, and what it is charged into them; it gives what they hold then.
func Charge(ctx context.Context, tx *db.Tx, ids []string, heldRows, heldBytes, rows, bytes int64) (Purse, error) {
	var out Purse
	for _, id := range ids {
		_, err := tx.Exec(ctx, `UPDATE account
			SET rows_held = rows_held - ?, bytes_held = bytes_held - ?, rows_used = rows_used + ?, bytes_used = bytes_used + ?
			WHERE id = ?`, heldRows, heldBytes, rows, bytes, id)
		if err != nil {
			return nil, fmt.Errorf("charge account %s: %w", id, err)
		}
		c := Account{ID: id}
		err = c.read(ctx, tx)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// The record says of each shared account what it has given out for good.
const (
	accountValue = "account"
	usedRows     = "used_rows"
	usedBytes    = "used_bytes"
)

// nth is the name of a value or number of one of several accounts of a release.
func nth(name string, i int) string {
	if i == 0 {
		return name
	}
	return name + "." + strconv.Itoa(i+1)
}

// Record adds the accounts to a change about a release.
func (p Purse) Record(c *schemas.Change) {
	i := 0
	for _, a := range p {
		if a.ID == "" {
			continue
		}
		c.Values[nth(accountValue, i)] = a.ID
		c.Numbers[nth(usedRows, i)], c.Numbers[nth(usedBytes, i)] = a.rows, a.bytes
		i++
	}
}

// mostAccounts is how many accounts of a release are looked for in the record: an offer
// has rarely more than one budget, which is counted for up to three payers.
const mostAccounts = 24

// CheckRecord refuses an account that holds less than the record says it gave out: it was
// edited behind the gateway. What it gave out only grows, so that changes which are not
// stored yet do not matter.
func (p Purse) CheckRecord(ctx context.Context, q db.Querier) error {
	for _, c := range p {
		if c.rows < 0 || c.bytes < 0 || c.heldRows < 0 || c.heldBytes < 0 {
			return db.Altered("account", c.ID, "it says that less than nothing was given out")
		}
		if c.ID == "" {
			continue
		}
		name, b, err := lastRecord(ctx, q, c.ID)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look up account %s in the record: %w", c.ID, err)
		}
		leaf, err := db.ParseLeaf(b)
		if err != nil {
			return db.Altered("account", c.ID, "its last record cannot be read")
		}
		end := strings.TrimPrefix(name, accountValue)
		if c.rows < leaf.Numbers[usedRows+end] || c.bytes < leaf.Numbers[usedBytes+end] {
			return db.Altered(
				"account",
				c.ID,
				fmt.Sprintf(
					"it says %d rows and %d bytes were given out, the record %d and %d", c.rows, c.bytes, leaf.Numbers[usedRows+end],
					leaf.Numbers[usedBytes+end],
				),
			)
		}
	}
	return nil
}

// lastRecord gives the newest change that names an account, and by which value. One look
// into the index for each name, however many releases there were.
func lastRecord(ctx context.Context, q db.Querier, id string) (name string, leaf []byte, err error) {
	var one []string
	var args []any
	for i := range mostAccounts {
		one = append(one, `SELECT CAST(? AS TEXT) AS name, coalesce((SELECT position FROM change_value
			WHERE name = ? AND substr(value, 1, 200) = ? AND `+indexes.LookedUpValues+` ORDER BY position DESC LIMIT 1), -1) AS position`)
		args = append(args, nth(accountValue, i), nth(accountValue, i), id)
	}
	err = q.QueryRow(ctx, `SELECT v.name, c.leaf FROM (`+strings.Join(one, " UNION ALL ")+`) v
		JOIN change c ON c.position = v.position ORDER BY v.position DESC LIMIT 1`, args...).
		Scan(&name, &leaf)
	return name, leaf, err
}
