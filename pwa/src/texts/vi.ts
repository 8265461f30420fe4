/** The words of the frame and the list, in Vietnamese: what every first paint needs. `{name}` is filled in. */
export const vi = {
  "app.name": "Gõ Từng Nhà",
  "app.motto": "Đi từng ngõ, gõ từng nhà, hướng dẫn từng người",
  "app.loading": "Đang mở…",
  "app.skip": "Đến nội dung chính",

  "nav.label": "Các trang chính",
  "nav.today": "Hôm nay",
  "nav.households": "Các hộ",
  "nav.guides": "Hướng dẫn",
  "nav.sync": "Gửi dữ liệu",
  "nav.back": "Quay lại",

  "action.save": "Lưu",
  "action.cancel": "Thôi",
  "action.edit": "Sửa",
  "action.more": "Xem thêm",

  "state.waiting": "Chờ gửi",
  "state.accepted": "Đã nhận",
  "state.refused": "Bị từ chối",
  "state.waiting.count": "{n} chờ gửi",
  "state.refused.count": "{n} bị từ chối",
  "state.all-sent": "Đã gửi hết",
  "state.sending": "Đang gửi",
  "state.offline": "Không có mạng",
  "state.signed-out": "Đăng nhập lại",
  "state.header": "Gửi dữ liệu: {state}",

  "receipt.waiting": "Đã lưu trên máy, chờ gửi",
  "receipt.accepted": "Đã gửi lúc {time}",
  "receipt.accepted.plain": "Đã gửi",
  "receipt.refused": "Bị từ chối: {reason}",
  "receipt.refused.plain": "Bị từ chối",

  "time.today": "hôm nay",
  "time.yesterday": "hôm qua",
  "time.tomorrow": "ngày mai",
  "time.overdue": "Quá hẹn từ {day}",

  "list.untouched": "Chưa gõ cửa",
  "list.follow-up": "Hẹn {day}",
  "list.people": "{n} người",
  "list.business": "Hộ kinh doanh",
  "list.apart": "Có hai bản khác nhau",

  "update.text": "Có bản mới của ứng dụng.",
  "update.apply": "Cập nhật",

  "crash.title": "Trang này gặp trục trặc",
  "crash.text": "Những gì đã lưu và bản đang ghi dở vẫn còn trên máy. Xin mở lại trang; nếu vẫn gặp, hãy báo tổ trưởng kèm dòng dưới đây.",
  "crash.reload": "Mở lại ứng dụng",
  "crash.today": "Về trang Hôm nay",
} as const;
