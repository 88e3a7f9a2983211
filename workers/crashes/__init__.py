"""Singles out the message that kills its worker process, and spares its neighbours.

When a process dies, everything it held comes back: the broker says `redelivered` of the one that
killed it as of the hundreds that only waited in the prefetch, and counts a delivery for each. So
redelivery arouses suspicion, no more. What accuses is proof that a message was being processed at
the moment of death. Proof is cheap, because only suspects need it:

- A message that comes for the first time is not noted: the good path costs one comparison.
- A redelivered one is noted in a file while it is processed (`notes`): 50 µs, without a sync.
- Whoever gets a message whose note a dead process left behind moves that evidence into it: a copy
  with `leveret-starts` counted up is confirmed in its queue, then the message is acked. From there
  on the count is its own, on whichever host it comes next, and believed only as our own copy.
- A message with proven starts runs alone in its process, and is noted only then, not while it waits
  for its turn: if that process dies too, nobody else did it.
- Two proven starts, with the first that nobody noted, are three: it is dead-lettered `crash_loop`.
  Deaths in company, however many are found at once, are one proven start and no more.

A lost connection alone proves nothing, since the process lives on and takes its notes away. But one
that was held up (`standstill`) loses its connection for it, and what it held comes back as after a
death. So for a while whatever comes again is done alone, and standing still meanwhile is a proven
start.

Many culprits side by side bring the innocent among them back once for each death. So where evidence
of deaths is seen to last, whatever has come ten times is sent anew before the broker, which counts
all alike, gives it up.

Evidence of deaths is lost where the state directory does not outlive the process (a container
without a volume) or with the machine; behind it all stands the broker's delivery limit of 20.
"""
