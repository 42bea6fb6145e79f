package org.example.ledger;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;

/**
 * Keeps bookings between accounts.
 * Amounts are in cents - never in floating point.
 */
public final class Ledger {
    /** One booking; it never changes. */
    public record Entry(String from, String to, long cents, Instant at) {
        public Entry {
            Objects.requireNonNull(from, "from");
            Objects.requireNonNull(to, "to");
            if (cents <= 0) {
                throw new IllegalArgumentException("amount must be positive: " + cents);
            }
        }
    }

    private final List<Entry> entries = new ArrayList<>();
    private final long overdraftLimit;

    public Ledger(long overdraftLimit) {
        this.overdraftLimit = overdraftLimit;
    }

    /**
     * Books an amount from one account to another.
     *
     * @throws IllegalStateException when the account doesn't cover it
     */
    public synchronized Entry book(String from, String to, long cents, Instant at) {
        if (balance(from) - cents < -overdraftLimit) {
            throw new IllegalStateException("account \"" + from + "\" has too little");
        }
        Entry entry = new Entry(from, to, cents, at);
        entries.add(entry);
        return entry;
    }

    public synchronized long balance(String account) {
        long balance = 0;
        for (Entry entry : entries) {
            if (entry.to().equals(account)) {
                balance += entry.cents();
            }
            if (entry.from().equals(account)) {
                balance -= entry.cents();
            }
        }
        return balance;
    }

    public synchronized List<Entry> history(String account) {
        List<Entry> found = new ArrayList<>();
        for (Entry entry : entries) {
            boolean concerned = entry.from().equals(account) || entry.to().equals(account);
            if (concerned) {
                found.add(entry);
            }
        }
        return Collections.unmodifiableList(found);
    }

    public synchronized Entry reverse(Entry entry, Instant at) {
        if (!entries.contains(entry)) {
            throw new IllegalArgumentException("unknown entry");
        }
        return book(entry.to(), entry.from(), entry.cents(), at);
    }

    @Override
    public String toString() {
        return "Ledger[" + entries.size() + " entries, limit " + overdraftLimit + "]";
    }
}
