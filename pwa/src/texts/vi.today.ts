/** The words of the page that the app opens on, in Vietnamese; other screens have them too. */
export const today = {
  "today.hello": "Chào {name}",
  "today.numbers": "Việc của tôi",
  "today.numbers.week": "Tuần này",
  "today.doors": "cửa đã gõ",
  "today.acts": "lượt hỗ trợ",
  "today.people": "người có trong sổ",
  "today.next": "Hộ tiếp theo",
  "today.next.none": "Mọi hộ trong danh sách đều đã có người đến.",
  "today.tally": "Hỗ trợ tại bàn",
  "today.tally.hint": "Ghi nhanh khi bà con đến điểm hỗ trợ của phường",
  "today.follow-ups": "Đến hẹn ({n})",
  "today.follow-ups.none": "Không có hộ nào đến hẹn hôm nay.",
  "today.visits": "Đã ghi hôm nay ({n})",
  "today.visits.none": "Hôm nay chưa ghi lần nào.",
  "today.visits.at-desk": "Hỗ trợ tại bàn",
  "today.acts.count": "{n} lượt",
  "today.withdrawn": "Đã rút",
  "today.draft": "Còn một bản ghi dở",
  "today.draft.open": "Ghi tiếp",

  "sync.lost": "Trình duyệt đã xóa dữ liệu của ứng dụng trên máy này. Các bản đã gửi sẽ tự tải về lại; {n} bản chưa gửi không còn nữa, xin ghi lại nếu nhớ. Để tránh lần sau, xin thêm ứng dụng vào màn hình chính.",
} as const;
