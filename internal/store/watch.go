package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Topic is a part of the store whose changes can be watched.
type Topic string

// Flows are the flows with their enabled versions.
const Flows Topic = "flows"

// Watch returns a channel that gets a value after a change to the topic, by this process or, on PostgreSQL, by any;
// several changes may give one value. A value may come without a change. Watching ends with ctx. Changes can be missed
// while PostgreSQL is away, and those by other processes on SQLite are never seen, so a watcher polls too.
func (s *Store) Watch(ctx context.Context, topic Topic) <-chan struct{} {
	changed := s.watchers.add(ctx, topic)
	if s.listener != nil {
		s.listener.start()
	}
	return changed
}

// channel is the channel of PostgreSQL's LISTEN; its payloads are topics.
const channel = "everhook"

// wake tells the watchers of a topic once the transaction is committed.
func (t *transaction) wake(ctx context.Context, topic Topic) error {
	t.woken = append(t.woken, topic)
	if t.notify == "" {
		return nil
	}
	_, err := t.exec(ctx, t.notify, channel, string(topic))
	return err
}

// watchers are the channels of Watch.
type watchers struct {
	mutex    sync.Mutex
	channels map[chan struct{}]Topic
}

func (w *watchers) add(ctx context.Context, topic Topic) <-chan struct{} {
	changed := make(chan struct{}, 1)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.channels == nil {
		w.channels = map[chan struct{}]Topic{}
	}
	w.channels[changed] = topic
	context.AfterFunc(ctx, func() {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		delete(w.channels, changed)
	})
	return changed
}

// wake tells the watchers of a topic; an empty one stands for all.
func (w *watchers) wake(topic Topic) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for changed, of := range w.channels {
		if topic != "" && of != topic {
			continue
		}
		select {
		case changed <- struct{}{}:
		default: // the last value was not taken yet
		}
	}
}

// listener wakes watchers when another process changes something.
type listener struct {
	connect  func(ctx context.Context) (*pgx.Conn, error)
	watchers *watchers
	once     sync.Once
	mutex    sync.Mutex
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// listenAgain is the pause after a connection was lost. Watchers poll meanwhile.
const listenAgain = time.Second

// start listens from the first call on.
func (l *listener) start() {
	l.once.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.cancel = cancel
		l.running.Go(func() {
			for ctx.Err() == nil {
				if l.listen(ctx) == nil {
					return
				}
				select {
				case <-ctx.Done():
				case <-time.After(listenAgain):
				}
			}
		})
	})
}

// stop ends listening.
func (l *listener) stop() {
	l.mutex.Lock()
	if l.cancel != nil {
		l.cancel()
	}
	l.mutex.Unlock()
	l.running.Wait()
}

// listen wakes watchers until the connection is lost or ctx ends.
func (l *listener) listen(ctx context.Context) error {
	connection, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	if _, err := connection.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	l.watchers.wake("") // changes may have been missed
	for {
		notification, err := connection.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		l.watchers.wake(Topic(notification.Payload))
	}
}
