"""Clients under whose load services are killed, and who remember what was answered."""
import http.client
import threading
import urllib.parse

from redis_fault_test import FLOWERS, GUARD_S

THREADS = 4


def predict(connection, request_id, i):
    query = "s_length={}&s_width={}&p_length={}&p_width={}".format(*FLOWERS[i % 3])
    connection.request("GET", "/predict?" + query, headers={"X-Request-ID": request_id})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"[%d]" % (i % 3))
    return [request_id]


class Load:
    """Clients that ask as fast as they can, and remember which rows were answered, in order."""

    def __init__(self, url, name, ask=predict):
        """`ask(connection, request_id, i)` gives the rows that were answered"""
        self.address = urllib.parse.urlsplit(url).netloc
        self.name, self.ask = name, ask
        self.stopped, self.wrong = threading.Event(), []
        self.answered = [[] for _ in range(THREADS)]  # of each client
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def _run(self, thread):
        connection = http.client.HTTPConnection(self.address, timeout=GUARD_S)
        try:
            for i in range(100_000):
                if self.stopped.is_set():
                    return
                for row in self.ask(connection, f"{self.name}.{thread}.{i}", i):
                    self.answered[thread].append(row)
        except (OSError, http.client.HTTPException):
            pass  # the service was killed: what it had not answered does not count
        except (AssertionError, ValueError) as error:
            self.wrong.append(repr(error))
        finally:
            connection.close()

    def rows(self):
        return sum(len(each) for each in self.answered)

    def end(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(GUARD_S)
        assert not self.wrong, self.wrong[:3]
        return self.answered
