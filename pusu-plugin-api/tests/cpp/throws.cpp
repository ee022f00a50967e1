/* Throws in whatever function its authorization or option names, to see that nothing gets past the border. */
#include "pusu_plugin.hpp"

namespace {

class Throws {
 public:
  Throws(pusu::Host host, std::string_view options) : host_(host), destroy_(has(options, "destroy")) {
    fail(options, "create");
    if (has(options, "thread")) thread_ = pusu::Thread(host, [] { throw std::runtime_error("as told"); });
    host.counter("made_total", "Made.", {{"by", "test"}}).add();
  }
  ~Throws() noexcept(false) {
    thread_.join();
    if (destroy_) throw std::runtime_error("as told");
  }

  void authorize(const pusu::Request &request, pusu::Reply reply) {
    const std::string_view word = request.authorization();
    fail(word, "authorize");
    if (word == "keep") return kept_.push_back(std::move(reply));
    if (word == "keep and throw") {
      kept_.push_back(std::move(reply));
      throw std::runtime_error("as told");
    }
    if (word == "drop") return;
    if (word == "end") {
      if (host_.revoke_subject("me", "another session") != PUSU_TAKEN) throw std::runtime_error("not taken");
      if (host_.recheck(request.ticket()) != PUSU_UNSUPPORTED) throw std::runtime_error("not unsupported");
    }
    if (word == "twice") {
      pusu::Reply moved = std::move(reply);
      moved.send(pusu::Verdict::refuse("first"));
      if (moved.send(pusu::Verdict::grant()) != pusu::Delivery::late) throw std::runtime_error("not late");
      return;
    }
    if (word == "entry") {
      const auto entry = host_.entry();
      if (!entry) throw std::runtime_error("no entry");
      reply.send(pusu::Verdict::refuse(std::to_string(entry->index) + " of " + std::to_string(entry->count) + ", " +
                                       std::to_string(entry->authorize_timeout.count()) + " ms" +
                                       (entry->is_last() ? ", last" : "")));
      return;
    }
    next_ = word;
    host_.log_about(pusu::Level::debug, request.ticket(), "asked", {{"how", "now"}});
    reply.send(pusu::Verdict::grant().read("a.*").write("b").subject("me").ttl(std::chrono::hours(1)).ttl(
        std::chrono::milliseconds(1500)));
  }

  void cancel(uint64_t) { fail(next_, "cancel"); }
  void ended(uint64_t ticket, int32_t why) {
    fail(next_, "ended");
    host_.info(std::to_string(ticket) + " ended: " + std::to_string(why));
  }
  void adopted(uint64_t, std::string_view subject, uint64_t) { fail(subject, "adopted"); }
  void reload() { fail(next_, "reload"); }
  pusu::Health health() {
    fail(next_, "health");
    return next_ == "degraded" ? pusu::Health::degraded("as told") : pusu::Health::good();
  }
  static void check(pusu::Host host, std::string_view options) {
    host.info("checked");
    fail(options, "check");
  }

 private:
  static bool has(std::string_view text, std::string_view word) { return text.find(word) != text.npos; }
  static void fail(std::string_view text, std::string_view function) {
    if (!has(text, function)) return;
    if (has(text, "config")) throw pusu::ConfigError("as told");
    if (has(text, "abi")) throw pusu::AbiError("as told");
    if (has(text, "odd")) throw 7;
    throw std::runtime_error("as told");
  }

  pusu::Host host_;
  bool destroy_;
  std::string next_;
  std::vector<pusu::Reply> kept_;
  pusu::Thread thread_;
};

}  // namespace

PUSU_AUTHENTICATOR(Throws, "Throws.test", "1.0.0", PUSU_F_GRANTS, "MIT", "Throws in every function", "then", "");
