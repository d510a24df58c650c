def next_on_grid(run_at: int, every: int, now: int, *, coalesce: bool) -> int:
    """The occurrence that follows the one of `run_at`, on the fixed grid run_at + n * every.

    All in microseconds. With `coalesce` it is the first grid point after `now`: whatever was missed
    has been made up for by the run that just ended. Without, it is simply the next grid point, which
    may have passed already, so that each missed occurrence gets its run.
    """
    if not coalesce or run_at + every > now:
        return run_at + every
    return run_at + ((now - run_at) // every + 1) * every
