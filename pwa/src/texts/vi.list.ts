/** The words of the list of households, in Vietnamese. */
export const list = {
  "list.title": "Các hộ",
  "list.search": "Tìm theo số nhà, ngõ, tên",
  "list.search.clear": "Xóa ô tìm",
  "list.filter": "Lọc danh sách",
  "list.filter.all": "Tất cả",
  "list.filter.untouched": "Chưa gõ cửa",
  "list.filter.due": "Hẹn lại",
  "list.filter.waiting": "Chờ gửi",
  "list.count": "{n} hộ",
  "list.count.of": "{n} trong {total} hộ",
  "list.new": "Thêm hộ",
  "list.empty": "Sổ chưa có hộ nào. Anh/chị thêm hộ đầu tiên, hoặc chờ phường đưa danh sách lên.",
  "list.none": "Không thấy hộ nào khớp với “{query}”.",
  "list.none.filter": "Không có hộ nào trong mục này.",
  "list.none.new": "Thêm hộ mới với số nhà này",
} as const;
