// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The core figures in Go. GOMAXPROCS says on how many processors.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func printFigure(name string, value float64, unit string) {
	fmt.Printf("%s %.6g %s\n", name, value, unit)
}

func nanosecondsEach(start time.Time, n int) float64 {
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func residentBytes() int {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize()
}

// n goroutines send 3 messages each to one other.
func messages(n int) {
	start := time.Now()
	mailbox := make(chan int, 1024)
	total := make(chan int)
	go func() {
		sum := 0
		for i := 0; i < 3*n; i++ {
			sum += <-mailbox
		}
		total <- sum
	}()
	for i := 0; i < n; i++ {
		go func() {
			for k := 0; k < 3; k++ {
				mailbox <- k
			}
		}()
	}
	if <-total != 3*n {
		panic("a message was lost")
	}
	printFigure("messages", nanosecondsEach(start, 3*n), "ns")
}

func pingPong(name string, n int, ownThreads bool) {
	ping := make(chan int)
	pong := make(chan int)
	go func() {
		if ownThreads {
			runtime.LockOSThread()
		}
		for value := range ping {
			pong <- value
		}
	}()
	if ownThreads {
		runtime.LockOSThread()
	}
	start := time.Now()
	for i := 0; i < n; i++ {
		ping <- i
		if <-pong != i {
			panic("wrong answer")
		}
	}
	printFigure(name, nanosecondsEach(start, n), "ns")
}

// n goroutines sleep 0 to 100 ms; processor time of each.
func sleeps(n int) {
	start := cpuTime()
	var group sync.WaitGroup
	group.Add(n)
	for i := 0; i < n; i++ {
		go func(milliseconds int) {
			time.Sleep(time.Duration(milliseconds) * time.Millisecond)
			group.Done()
		}(i % 101)
	}
	group.Wait()
	printFigure("sleeps", float64((cpuTime()-start).Nanoseconds())/float64(n), "ns")
}

// n goroutines wait for a message, each at its own channel.
func memory(n int) {
	before := residentBytes()
	mailboxes := make([]chan int, n)
	var started, ended sync.WaitGroup
	started.Add(n)
	ended.Add(n)
	for i := 0; i < n; i++ {
		mailbox := make(chan int)
		mailboxes[i] = mailbox
		go func(mailbox chan int) {
			started.Done()
			<-mailbox
			ended.Done()
		}(mailbox)
	}
	started.Wait()
	printFigure("memory", float64(residentBytes()-before)/float64(n), "B")
	for _, mailbox := range mailboxes {
		mailbox <- 1
	}
	ended.Wait()
}

func lock(n int) {
	var mutex sync.Mutex
	start := time.Now()
	for i := 0; i < n; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
	printFigure("lock", nanosecondsEach(start, n), "ns")
}

// The idiom in Go: a buffered channel whose length is the count.
func semaphore(n int) {
	permits := make(chan struct{}, 2)
	start := time.Now()
	for i := 0; i < n; i++ {
		permits <- struct{}{}
		<-permits
	}
	printFigure("semaphore", nanosecondsEach(start, n), "ns")
}

func channel(n int) {
	values := make(chan int, 16)
	start := time.Now()
	for i := 0; i < n; i++ {
		values <- i
		<-values
	}
	printFigure("channel", nanosecondsEach(start, n), "ns")
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: core-go FIGURE [COUNT]")
		os.Exit(2)
	}
	count := func(usual int) int {
		if len(os.Args) > 2 {
			usual, _ = strconv.Atoi(os.Args[2])
		}
		return usual
	}
	switch os.Args[1] {
	case "messages":
		messages(count(100000))
	case "pingpong":
		pingPong("pingpong", count(1000000), false)
	case "pingpong-threads":
		pingPong("pingpong-threads", count(1000000), false)
	case "pingpong-locked": // each goroutine keeps a thread of its own, so that each message changes threads
		pingPong("pingpong-threads", count(10000), true)
	case "sleeps":
		sleeps(count(100000))
	case "memory":
		memory(count(1000000))
	case "lock":
		lock(count(20000000))
	case "semaphore":
		semaphore(count(5000000))
	case "channel":
		channel(count(5000000))
	default:
		fmt.Fprintln(os.Stderr, "unknown figure", os.Args[1])
		os.Exit(2)
	}
}
