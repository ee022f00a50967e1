/* ExampleCppAuthenticator: asks a service that takes its time, on one thread of its own, and answers when it knows.
 *
 * Shows pusu_plugin.hpp: a reply that moves into a queue and is answered from another thread, cancel, health, a
 * histogram, and that a dropped reply needs no care: who still waits at the end is told that nobody could decide.
 * Exceptions need none either: what leaves a function of the class is caught at the border and logged. */
#include "pusu_plugin.hpp"

#include <condition_variable>
#include <deque>

namespace {

class Example {
 public:
  Example(pusu::Host host, std::string_view /* options_json: the manifest below names none */)
      : took_(host.histogram("answer_seconds", "How long the service took.")), asker_(host, [this] { ask(); }) {
    host.info("the service is asked for every client");
  }

  ~Example() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
  }

  void authorize(const pusu::Request &request, pusu::Reply reply) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (questions_.size() == QUESTIONS_MAX) return; /* drops the reply: unavailable */
    questions_.push_back({std::string(request.authorization()), std::move(reply)});
    changed_.notify_one();
  }

  void cancel(uint64_t ticket) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto at = questions_.begin(); at != questions_.end(); ++at)
      if (at->reply.ticket() == ticket) {
        questions_.erase(at);
        return;
      }
  }

  pusu::Health health() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (questions_.size() < QUESTIONS_MAX / 2) return pusu::Health::good();
    return pusu::Health::degraded(std::to_string(questions_.size()) + " questions wait for the service");
  }

 private:
  static constexpr size_t QUESTIONS_MAX = 1000;

  /* The copy of a request, which itself ends with the call. */
  struct Question {
    std::string authorization; /* a secret: a real plugin wipes it, and compares it in constant time */
    pusu::Reply reply;
  };

  void ask() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ending_ || !questions_.empty(); });
      if (ending_) return;
      Question question = std::move(questions_.front());
      questions_.pop_front();
      lock.unlock(); /* nobody is asked or answered with the lock held */
      answer(std::move(question));
      lock.lock();
    }
  }

  void answer(Question question) {
    const auto begin = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::milliseconds(1)); /* in place of the service */
    took_.observe(std::chrono::steady_clock::now() - begin);
    question.reply.send(question.authorization == "guest"
                            ? pusu::Verdict::grant().read("news.*").subject("guest").ttl(std::chrono::hours(1))
                            : pusu::Verdict::refuse("not a guest"));
  }

  pusu::Metric took_;
  std::mutex mutex_; /* protects what follows */
  std::condition_variable changed_;
  std::deque<Question> questions_;
  bool ending_ = false;
  pusu::Thread asker_; /* last: it uses all of the above, and is joined before that goes */
};

}  // namespace

PUSU_AUTHENTICATOR(Example, "ExampleCppAuthenticator", "0.1.0", 0, "MIT OR BSD-3-Clause",
                   "The C++ example to copy: asks somebody slow, and keeps no thread of the relay meanwhile", "", "");
