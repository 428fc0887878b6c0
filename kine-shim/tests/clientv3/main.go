// Does with a server what programs do that use etcd's Go client, and writes down what they get to see: one line per step, without
// what differs from server to server. Run against two servers it must write the same twice.
//
// Usage: clientv3 URL [CA CERTIFICATE KEY]. Without certificates the server is an etcd, and gets the user that ours has.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/zap"
)

// A server that is busy with other tests still answers in this time.
const patience = 60 * time.Second

var config clientv3.Config

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func text(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func connect(name, password string) (*clientv3.Client, error) {
	config := config
	config.Username, config.Password = name, password
	return clientv3.New(config)
}

func main() {
	config = clientv3.Config{Endpoints: []string{os.Args[1]}, DialTimeout: patience, Logger: zap.NewNop()}
	if len(os.Args) > 2 {
		ca, err := os.ReadFile(os.Args[2])
		check(err)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(ca)
		pair, err := tls.LoadX509KeyPair(os.Args[3], os.Args[4])
		check(err)
		config.TLS = &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}
	}
	client, err := connect("", "")
	check(err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	for _, part := range []struct {
		name string
		run  func(context.Context, *clientv3.Client)
	}{
		{"keys", keys}, {"transactions", transactions}, {"watches", watches}, {"fragments", fragments}, {"leases", leases},
		{"locks", locks}, {"elections", elections}, {"memory", memory}, {"maintenance", maintenance},
		{"compaction", compaction}, {"passwords", passwords},
	} {
		say("== %s", part.name)
		part.run(ctx, client)
	}
}

func keys(ctx context.Context, c *clientv3.Client) {
	for _, key := range []string{"k/b", "k/a", "k/c", "k/a"} {
		put, err := c.Put(ctx, key, "of "+key, clientv3.WithPrevKV())
		check(err)
		say("put %s at %d, before: %v", key, put.Header.Revision, put.PrevKv)
	}
	for _, ask := range []struct {
		name    string
		options []clientv3.OpOption
	}{
		{"prefix", []clientv3.OpOption{clientv3.WithPrefix()}},
		{"newest", append(clientv3.WithLastRev(), clientv3.WithPrefix())},
		{"descending", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend), clientv3.WithLimit(2)}},
		{"past", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithRev(3)}},
		{"count", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithCountOnly()}},
		{"keys", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithSerializable()}},
		{"created", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithMinCreateRev(3), clientv3.WithMaxModRev(4)}},
		{"from", []clientv3.OpOption{clientv3.WithFromKey()}},
		{"future", []clientv3.OpOption{clientv3.WithRev(1000)}},
	} {
		get, err := c.Get(ctx, "k/", ask.options...)
		if err != nil {
			say("%s: %s", ask.name, text(err))
			continue
		}
		say("%s: %v more %v of %d", ask.name, get.Kvs, get.More, get.Count)
	}
	del, err := c.Delete(ctx, "k/b", clientv3.WithPrevKV())
	check(err)
	say("deleted %d: %v", del.Deleted, del.PrevKvs)
	_, err = c.Put(ctx, "", "x")
	say("empty key: %s", text(err))
	_, err = c.Put(ctx, "k/none", "", clientv3.WithIgnoreValue())
	say("no value to keep: %s", text(err))
	_, err = c.Put(ctx, "large", strings.Repeat("x", 1600*1024))
	say("too large: %s", text(err))
}

func transactions(ctx context.Context, c *clientv3.Client) {
	nested := clientv3.OpTxn([]clientv3.Cmp{clientv3.Compare(clientv3.Value("t"), "=", "1")},
		[]clientv3.Op{clientv3.OpGet("t")}, []clientv3.Op{clientv3.OpPut("t/else", "1"), clientv3.OpDelete("k/a", clientv3.WithPrevKV())})
	for _, compare := range []clientv3.Cmp{
		clientv3.Compare(clientv3.CreateRevision("t"), "=", 0),
		clientv3.Compare(clientv3.Version("t"), ">", 0),
		clientv3.Compare(clientv3.ModRevision("k/").WithPrefix(), "<", 100),
		clientv3.Compare(clientv3.LeaseValue("t"), "!=", 0),
	} {
		txn, err := c.Txn(ctx).If(compare).Then(clientv3.OpPut("t", "1", clientv3.WithPrevKV()), nested).Else(clientv3.OpGet("t")).Commit()
		check(err)
		say("%v at %d: %v", txn.Succeeded, txn.Header.Revision, txn.Responses)
	}
	_, err := c.Txn(ctx).Then(clientv3.OpPut("twice", "1"), clientv3.OpPut("twice", "2")).Commit()
	say("twice: %s", text(err))
	many := make([]clientv3.Op, 129)
	for i := range many {
		many[i] = clientv3.OpGet("t")
	}
	_, err = c.Txn(ctx).Then(many...).Commit()
	say("many: %s", text(err))
}

func next(watch clientv3.WatchChan) clientv3.WatchResponse {
	select {
	case response, open := <-watch:
		if !open {
			panic("the watch ended")
		}
		return response
	case <-time.After(patience):
		panic("no answer to the watch")
	}
}

func show(name string, response clientv3.WatchResponse) {
	events := []string{}
	for _, event := range response.Events {
		events = append(events, fmt.Sprintf("%v %s=%.20s@%d before %v", event.Type, event.Kv.Key, event.Kv.Value, event.Kv.ModRevision, event.PrevKv))
	}
	say("%s at %d: created %v canceled %v progress %v compacted %d %v", name, response.Header.Revision, response.Created,
		response.Canceled, response.IsProgressNotify(), response.CompactRevision, events)
}

func watches(ctx context.Context, c *clientv3.Client) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := c.Watch(ctx, "w/", clientv3.WithPrefix(), clientv3.WithPrevKV(), clientv3.WithCreatedNotify(), clientv3.WithProgressNotify())
	deletes := c.Watch(ctx, "w/", clientv3.WithPrefix(), clientv3.WithFilterPut(), clientv3.WithCreatedNotify())
	show("watch", next(watch))
	show("deletes", next(deletes))
	for _, value := range []string{"1", "2"} {
		_, err := c.Put(ctx, "w/a", value)
		check(err)
	}
	_, err := c.Txn(ctx).Then(clientv3.OpPut("w/b", "1"), clientv3.OpDelete("w/a"), clientv3.OpPut("w/c", "1")).Commit()
	check(err)
	for range 3 {
		show("watch", next(watch))
	}
	show("deletes", next(deletes))
	check(c.RequestProgress(ctx))
	// Both are told; the client gives the answer to every watch of the stream.
	show("watch", next(watch))
	show("deletes", next(deletes))
	get, err := c.Get(ctx, "w/b")
	check(err)
	past := c.Watch(ctx, "w/", clientv3.WithPrefix(), clientv3.WithRev(get.Kvs[0].ModRevision-1))
	seen := 0
	for seen < 4 {
		for _, event := range next(past).Events {
			say("past: %v %s=%s@%d", event.Type, event.Kv.Key, event.Kv.Value, event.Kv.ModRevision)
			seen++
		}
	}
	future := c.Watch(ctx, "w/", clientv3.WithPrefix(), clientv3.WithRev(get.Header.Revision+2))
	// On its own stream the client sends requests in order; the created answer of another says that this one is there too.
	show("barrier", next(c.Watch(ctx, "w/", clientv3.WithPrefix(), clientv3.WithCreatedNotify())))
	for _, value := range []string{"early", "in time"} {
		_, err := c.Put(ctx, "w/d", value)
		check(err)
	}
	show("future", next(future))
}

func fragments(ctx context.Context, c *clientv3.Client) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := c.Watch(ctx, "f/", clientv3.WithPrefix(), clientv3.WithFragment(), clientv3.WithPrevKV(), clientv3.WithCreatedNotify())
	next(watch)
	half := strings.Repeat("x", 700*1024)
	for _, key := range []string{"f/1", "f/2", "f/3", "f/4"} {
		_, err := c.Put(ctx, key, half)
		check(err)
		next(watch)
	}
	_, err := c.Delete(ctx, "f/", clientv3.WithPrefix())
	check(err)
	response := next(watch)
	say("%d events of one revision with %d bytes before the first", len(response.Events), len(response.Events[0].PrevKv.Value))
}

func leases(ctx context.Context, c *clientv3.Client) {
	_, err := c.Revoke(ctx, 12345)
	say("revoke nothing: %s", text(err))
	gone, err := c.TimeToLive(ctx, 12345)
	check(err)
	say("time of nothing: %d of %d", gone.TTL, gone.GrantedTTL)
	lease, err := c.Grant(ctx, 600)
	check(err)
	say("granted %d", lease.TTL)
	for _, key := range []string{"l/a", "l/b"} {
		_, err = c.Put(ctx, key, "x", clientv3.WithLease(lease.ID))
		check(err)
	}
	_, err = c.Put(ctx, "l/c", "x", clientv3.WithLease(12345))
	say("put with nothing: %s", text(err))
	_, err = c.Put(ctx, "l/b", "x")
	check(err)
	left, err := c.TimeToLive(ctx, lease.ID, clientv3.WithAttachedKeys())
	check(err)
	say("%d granted, keys %s, some left: %v", left.GrantedTTL, left.Keys, left.TTL > 0 && left.TTL <= 600)
	alive, err := c.KeepAlive(ctx, lease.ID)
	check(err)
	first := <-alive
	say("kept alive: %d", first.TTL)
	once, err := c.KeepAliveOnce(ctx, lease.ID)
	check(err)
	say("once: %d", once.TTL)
	_, err = c.KeepAliveOnce(ctx, 12345)
	say("once nothing: %s", text(err))
	all, err := c.Leases(ctx)
	check(err)
	say("%d leases", len(all.Leases))
	watch := c.Watch(ctx, "l/", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	next(watch)
	_, err = c.Revoke(ctx, lease.ID)
	check(err)
	show("revoked", next(watch))
}

func locks(ctx context.Context, c *clientv3.Client) {
	one, err := concurrency.NewSession(c, concurrency.WithTTL(600))
	check(err)
	two, err := concurrency.NewSession(c, concurrency.WithTTL(600))
	check(err)
	first, second := concurrency.NewMutex(one, "/lock"), concurrency.NewMutex(two, "/lock")
	check(first.Lock(ctx))
	say("second may not: %s", text(second.TryLock(ctx)))
	taken := make(chan error)
	go func() { taken <- second.Lock(ctx) }()
	waiting := c.Watch(ctx, "/lock/", clientv3.WithPrefix(), clientv3.WithRev(first.Header().Revision+1), clientv3.WithFilterDelete())
	for seen := 0; seen < 2; { // the attempt and the wait
		seen += len(next(waiting).Events)
	}
	check(first.Unlock(ctx))
	check(<-taken)
	check(one.Close())
	held, err := c.Txn(ctx).If(second.IsOwner()).Commit()
	check(err)
	say("second holds it: %v", held.Succeeded)
	// Whose session ends loses the lock.
	check(two.Close())
	get, err := c.Get(ctx, "/lock/", clientv3.WithPrefix())
	check(err)
	say("%d hold it", get.Count)
}

func elections(ctx context.Context, c *clientv3.Client) {
	one, err := concurrency.NewSession(c, concurrency.WithTTL(600))
	check(err)
	two, err := concurrency.NewSession(c, concurrency.WithTTL(600))
	check(err)
	first, second := concurrency.NewElection(one, "/leader"), concurrency.NewElection(two, "/leader")
	_, err = first.Leader(ctx)
	say("at first: %s", text(err))
	check(first.Campaign(ctx, "one"))
	observed, stop := context.WithCancel(ctx)
	defer stop()
	seen := second.Observe(observed)
	say("observed %s", (<-seen).Kvs[0].Value)
	check(first.Proclaim(ctx, "one again"))
	say("observed %s", (<-seen).Kvs[0].Value)
	won := make(chan error)
	go func() { won <- second.Campaign(ctx, "two") }()
	check(first.Resign(ctx))
	check(<-won)
	leader, err := second.Leader(ctx)
	check(err)
	say("at last %s", leader.Kvs[0].Value)
	check(errors.Join(one.Close(), two.Close()))
}

func memory(ctx context.Context, c *clientv3.Client) {
	_, err := c.Put(ctx, "stm", "0")
	check(err)
	done := make(chan error)
	for range 4 {
		go func() {
			for range 5 {
				_, err := concurrency.NewSTM(c, func(stm concurrency.STM) error {
					stm.Put("stm", stm.Get("stm")+"+")
					return nil
				}, concurrency.WithAbortContext(ctx))
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		check(<-done)
	}
	get, err := c.Get(ctx, "stm")
	check(err)
	say("%s in version %d", get.Kvs[0].Value, get.Kvs[0].Version)
}

func maintenance(ctx context.Context, c *clientv3.Client) {
	members, err := c.MemberList(ctx)
	check(err)
	say("%d members", len(members.Members))
	status, err := c.Status(ctx, config.Endpoints[0])
	check(err)
	say("leads: %v, version: %v, errors %v, size: %v", status.Leader == status.Header.MemberId && status.Leader == members.Members[0].ID,
		status.Version != "", status.Errors, status.DbSize > 0)
	alarms, err := c.AlarmList(ctx)
	check(err)
	say("%d alarms", len(alarms.Alarms))
	_, err = c.Defragment(ctx, config.Endpoints[0])
	check(err)
	hash, err := c.HashKV(ctx, config.Endpoints[0], 0)
	check(err)
	again, err := c.HashKV(ctx, config.Endpoints[0], 0)
	check(err)
	say("hash: %v, the same again: %v", hash.Hash != 0, hash.Hash == again.Hash)
	snapshot, err := c.Snapshot(ctx)
	check(err)
	_, err = io.Copy(io.Discard, snapshot)
	say("snapshot: %s", text(err))
}

func compaction(ctx context.Context, c *clientv3.Client) {
	get, err := c.Get(ctx, "k/")
	check(err)
	head := get.Header.Revision
	_, err = c.Compact(ctx, head+10)
	say("future: %s", text(err))
	_, err = c.Compact(ctx, head, clientv3.WithCompactPhysical())
	check(err)
	_, err = c.Compact(ctx, head-1)
	say("again: %s", text(err))
	_, err = c.Get(ctx, "k/", clientv3.WithRev(head-1))
	say("past: %s", text(err))
	watch := c.Watch(ctx, "k/", clientv3.WithPrefix(), clientv3.WithRev(2))
	response := next(watch)
	say("watch: canceled %v, compacted %v, %s", response.Canceled, response.CompactRevision == head, text(response.Err()))
	_, open := <-watch
	say("goes on: %v", open)
}

func passwords(ctx context.Context, c *clientv3.Client) {
	etcd := config.TLS == nil
	if etcd {
		for _, user := range []string{"root", "ann"} {
			_, err := c.UserAdd(ctx, user, "secret")
			check(err)
		}
		_, err := c.RoleAdd(ctx, "root")
		check(err)
		for _, user := range []string{"root", "ann"} {
			_, err := c.UserGrantRole(ctx, user, "root")
			check(err)
		}
		_, err = c.AuthEnable(ctx)
		check(err)
	}
	_, err := connect("ann", "wrong")
	say("wrong: %s", text(err))
	_, err = connect("nobody", "secret")
	say("nobody: %s", text(err))
	ann, err := connect("ann", "secret")
	check(err)
	defer ann.Close()
	_, err = ann.Put(ctx, "p/a", "by ann")
	check(err)
	watch := ann.Watch(ctx, "p/", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	next(watch)
	_, err = ann.Delete(ctx, "p/", clientv3.WithPrefix())
	check(err)
	say("%d events", len(next(watch).Events))
	if etcd {
		_, err := ann.AuthDisable(ctx)
		check(err)
	}
}
