//! Children that do not outlive the process that started them.

/// What `sh -c` runs to start a child on a leash: `sh -c LEASH SIGNAL PROGRAM ARGUMENT…`. The child gets the signal, such
/// as `TERM`, as soon as standard input ends.
///
/// The other end of standard input is held by the process that starts it alone, so the kernel closes it whatever way that
/// process ends, SIGKILL included: the child itself needs to know nothing of it.
pub const LEASH: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ read -r _; kill -"$0" "$child"; } <&3 >/dev/null 2>&1 &
guard=$!
exec 3<&-
wait "$child"
status=$?
kill "$guard" 2>/dev/null
exit "$status""#;
