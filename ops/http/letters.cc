#include "ops/http/letters.h"

namespace hansa::ops {
namespace {

using google::protobuf::Message;

constexpr int kListedMax = 1'000;

v1::LetterShown shown(const v1::DeadLetter& letter) {
  v1::LetterShown row;
  row.set_letter(letter_id(letter));
  row.set_topic(letter.topic());
  row.set_offset(letter.offset());
  row.set_reason(letter.reason());
  row.set_pointer(letter.pointer());
  row.set_sha256(letter.sha256());
  row.set_time_us(letter.time_us());
  row.set_retry_asked(letter.retry_time_us() > 0);
  return row;
}

Error unknown_letter(const std::string& id) {
  return {Errc::kUnknownCode, "no dead letter `" + id.substr(0, 80) + "` is open", "/letter"};
}

v1::LettersAnswer list(const DeadLetters* letters, const LedgerId& ledger) {
  v1::LettersAnswer answer;
  answer.set_ledger(ledger.text());
  if (letters == nullptr) return answer;
  const auto open = letters->list();
  answer.set_open(open.size());
  for (const auto& letter : open) {
    if (answer.letters_size() == kListedMax) break;
    *answer.add_letters() = shown(letter);
  }
  return answer;
}

Result<v1::LetterShown> read(const DeadLetters& letters, const std::string& id) {
  const auto letter = letters.find(id);
  if (!letter) return fail(unknown_letter(id));
  HANSA_TRY(auto opened, letters.open_letter(*letter));
  auto row = shown(*letter);
  row.set_detail(std::move(opened.detail));
  row.set_value(std::move(opened.value));
  return row;
}

}  // namespace

Result<std::unique_ptr<Message>> answer_letters(const Message& request, DeadLetters* letters,
                                                const LedgerId& ledger) {
  const auto* type = request.GetDescriptor();
  if (type == v1::ListDeadLetters::descriptor()) {
    return std::unique_ptr<Message>(std::make_unique<v1::LettersAnswer>(list(letters, ledger)));
  }
  const std::string id =
      request.GetReflection()->GetString(request, type->FindFieldByName("letter"));
  if (letters == nullptr) return fail(unknown_letter(id));
  Result<v1::LetterShown> row = fail(unknown_letter(id));
  if (type == v1::GetDeadLetter::descriptor()) {
    row = read(*letters, id);
  } else {
    auto letter = type == v1::RetryDeadLetter::descriptor() ? letters->ask_retry(id)
                                                            : letters->end(id);
    if (!letter) return fail(std::move(letter).error());
    row = shown(*letter);
  }
  if (!row) return fail(std::move(row).error());
  return std::unique_ptr<Message>(std::make_unique<v1::LetterShown>(*std::move(row)));
}

}  // namespace hansa::ops
